package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// fakeOptions are the flags of fake.
type fakeOptions struct {
	users, clients, redirects, dcs []string
	autoApprove                    string
}

func newFake(a *App) *cobra.Command {
	var o fakeOptions
	cmd := &cobra.Command{
		Use:   "fake",
		Short: "Run a fake Zoho on this machine, for tests",
		Long: `Runs a fake Zoho on loopback addresses until it is interrupted: accounts servers and
CRM of several data centres, with Zoho's limits and errors. The admin API moves
its clock, breaks it, and shows its counters; GET its address for a description.

Clients know http://localhost:8765/callback unless --redirect-url says otherwise,
and are switched on in every data centre. Their secrets are no secrets.`,
		Example: `  tokenkeep fake --json --user ann@example.com:eu --client 1000.DEMO:demo-secret`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.fake(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.users, "user", nil, "a user, `EMAIL[:DC]`; may be repeated (default ann@example.com:us)")
	f.StringArrayVar(&o.clients, "client", nil, "a client, `ID[:SECRET]`; may be repeated (default: a made-up one)")
	f.StringArrayVar(&o.redirects, "redirect-url", nil, "a redirect `URI` of the clients; may be repeated")
	f.StringSliceVar(&o.dcs, "data-centres", nil, "`LIST` of data centres to run (default: all)")
	f.StringVar(&o.autoApprove, "auto-approve", "", "`EMAIL` of the user whose consent is given without the page")
	return cmd
}

func (a *App) fake(ctx context.Context, o *fakeOptions) error {
	if err := checkDCs(o.dcs); err != nil {
		return err
	}
	f := zohotest.New(&zohotest.Options{DataCentres: o.dcs, AutoApprove: o.autoApprove, Logger: a.log})
	users, clients, err := seed(f, o)
	if err != nil {
		return err
	}
	if err := f.Listen(); err != nil {
		return withHint(err, "free a port on the loopback address")
	}
	defer f.Close()
	if err := a.showFake(f, o, users, clients); err != nil {
		return err
	}
	a.IO.Note("running until it is interrupted (Ctrl-C)")
	<-ctx.Done()
	return nil
}

func checkDCs(dcs []string) error {
	known := strings.Join(zohotest.DataCentres(), ",")
	for _, dc := range dcs {
		if !strings.Contains(","+known+",", ","+dc+",") {
			return usagef("--data-centres: no data centre %q; there are %s", dc, known)
		}
	}
	return nil
}

// seed adds the users and clients of the flags.
func seed(f *zohotest.Fake, o *fakeOptions) ([]zohotest.User, []zohotest.Client, error) {
	dcs := o.dcs
	if len(dcs) == 0 {
		dcs = zohotest.DataCentres()
	}
	var users []zohotest.User
	for _, u := range orDefault(o.users, "ann@example.com:"+dcs[0]) {
		email, dc, _ := strings.Cut(u, ":")
		if dc == "" {
			dc = dcs[0]
		}
		if !strings.Contains(email, "@") || checkDCs([]string{dc}) != nil {
			return nil, nil, usagef("--user %q: write EMAIL or EMAIL:DC", u)
		}
		users = append(users, f.AddUser(zohotest.User{Email: email, DC: dc}))
	}
	var clients []zohotest.Client
	for _, c := range orDefault(o.clients, "") {
		id, secret, _ := strings.Cut(c, ":")
		clients = append(clients, f.AddClient(zohotest.Client{
			ID: id, Secret: secret, DC: dcs[0], DCs: dcs, RedirectURIs: orDefault(o.redirects, config.DefaultRedirectURL),
		}))
	}
	return users, clients, nil
}

func orDefault(list []string, otherwise string) []string {
	if len(list) == 0 {
		return []string{otherwise}
	}
	return list
}

// A fakeView is what a program needs to use the fake. The secrets of a fake are
// shown: they protect nothing.
type fakeView struct {
	Schema      string            `json:"schema"`
	Admin       string            `json:"admin"`
	DataCentres map[string]fakeDC `json:"data_centres"`
	Clients     []zohotest.Client `json:"clients"`
	Users       []zohotest.User   `json:"users"`
}

type fakeDC struct {
	AccountsServer string `json:"accounts_server"`
	APIDomain      string `json:"api_domain"`
}

func (a *App) showFake(f *zohotest.Fake, o *fakeOptions, users []zohotest.User, clients []zohotest.Client) error {
	v := fakeView{"fake/v1", f.AdminURL(), map[string]fakeDC{}, clients, users}
	dcs := orAll(o.dcs)
	for _, dc := range dcs {
		v.DataCentres[dc] = fakeDC{f.AccountsURL(dc), f.APIDomain(dc)}
	}
	if a.cfg.JSON {
		return a.IO.JSON(v)
	}
	dc, c := users[0].DC, clients[0]
	_, err := fmt.Fprintf(a.IO.Out, `# A fake Zoho. In another terminal, for %s in data centre %s:
export ZOHO_CLIENT_ID=%s ZOHO_CLIENT_SECRET=%s
export ZOHO_DC=%s ZOHO_ACCOUNTS_SERVER=%s ZOHO_API_DOMAIN=%s
# then: tokenkeep login
# admin API: %s
`, users[0].Email, dc, c.ID, c.Secret, dc, v.DataCentres[dc].AccountsServer, v.DataCentres[dc].APIDomain, v.Admin)
	return err
}

func orAll(dcs []string) []string {
	if len(dcs) == 0 {
		return zohotest.DataCentres()
	}
	return dcs
}
