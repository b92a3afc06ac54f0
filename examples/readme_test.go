package examples_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// TestReadmeShowsThisCode: every piece of Go in README.md is below, and so compiles.
func TestReadmeShowsThisCode(t *testing.T) {
	code, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks(t, filepath.Join("..", "README.md")) {
		if !strings.Contains(string(code), indented(block)) {
			t.Errorf("README.md shows code that is not here\n%s", block)
		}
	}
}

// indented is a block as it stands in a function.
func indented(block string) string {
	var b strings.Builder
	for line := range strings.Lines(block) {
		if line != "\n" {
			b.WriteByte('\t')
		}
		b.WriteString(line)
	}
	return b.String()
}

// The functions below only hold what README.md shows.
var _ = []any{readmeCall, readmeKeeper, readmeLogin, readmeFailures}

//nolint:staticcheck,ineffassign,wastedassign // README.md shows the calls alone
func readmeCall(ctx context.Context, keeper *tokenkeep.Keeper) (*http.Response, error) {
	session, err := keeper.Session(ctx, "patricia@zylker.com")
	resp, err := session.Client().Get("https://www.zohoapis.com/crm/v8/Leads?fields=Last_Name")
	return resp, err
}

//nolint:staticcheck,ineffassign,wastedassign // README.md shows the calls alone
func readmeKeeper(ctx context.Context, secret string) error {
	provider, err := zoho.New(zoho.Config{
		ClientID:      os.Getenv("ZOHO_CLIENT_ID"),
		ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret(secret)},
		RedirectURL:   "https://app.example.com/callback",
		Scopes:        []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"},
	})
	store, err := sqlitestore.Open(ctx, "tokens.db", nil)
	keeper := tokenkeep.New(store, provider, nil)
	defer keeper.Close()
	return err
}

//nolint:staticcheck,ineffassign,wastedassign // README.md shows the calls alone
func readmeLogin(ctx context.Context, keeper *tokenkeep.Keeper, provider *zoho.Provider, r *http.Request) (*tokenkeep.Session, error) {
	auth, err := provider.Authorize(zoho.AuthorizeOptions{})
	// … the user consents, Zoho redirects to the callback …
	grant, err := provider.Callback(auth, r.URL.String()) // checks state, data centre and accounts server
	session, err := keeper.Login(ctx, grant)              // redeems the code once, and saves before anything else
	return session, err
}

func readmeFailures(err error) {
	switch {
	case errors.Is(err, tokenkeep.ErrNeedsLogin): // send the user to the login page
	case errors.Is(err, tokenkeep.ErrThrottled): // wait until the error's Until
	case errors.Is(err, tokenkeep.ErrRetryLater): // an outage: the same
	case errors.Is(err, tokenkeep.ErrMisconfigured): // tell an operator; the login is intact
	case errors.Is(err, tokenkeep.ErrInDoubt): // the provider rotates strictly, and its answer was lost: log in again
	case errors.Is(err, tokenkeep.ErrStoreUnavailable): // the store, not Zoho
	}
}
