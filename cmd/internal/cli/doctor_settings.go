package cli

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// checkSettings looks at the client and the data centre.
func (a *App) checkSettings() []checkup {
	return []checkup{a.checkClientID(), a.checkSecret(), a.checkDC(), a.checkRedirect()}
}

// clientShape is what Zoho's client ids look like (seen in the wild).
var clientShape = regexp.MustCompile(`^10\d\d\.[0-9A-Z]{20,}$`)

func (a *App) checkClientID() checkup {
	const name = "client id"
	switch id := a.cfg.ClientID; {
	case id == "":
		return warn(name, hintFor(errNoClient()), "none is set: logins are impossible, and stored tokens use their own")
	case !clientShape.MatchString(id):
		return warn(name, "compare it with the API console", "%s does not look like one of Zoho's (1000. and capital letters)", id)
	default:
		return good(name, "%s (from %s)", id, a.cfg.Origin("client_id"))
	}
}

func (a *App) checkSecret() checkup {
	const name = "client secret"
	if a.cfg.SecretPath() == "-" {
		return good(name, "is read from standard input")
	}
	secrets, err := a.clientSecrets()
	switch {
	case err != nil:
		return broken(tokenkeep.Misconfigured, name, "correct it, or point --client-secret-file at the right file", "%v", err)
	case len(secrets) == 0 && a.cfg.ClientID == "":
		return warn(name, hintFor(errNoClient()), "none is set")
	case len(secrets) == 0:
		return broken(tokenkeep.Misconfigured, name, "set ZOHO_CLIENT_SECRET_FILE, or client_secret_file in the configuration file", "the client id is set and its secret is not")
	}
	if wide, mode := openToOthers(a.cfg.SecretPath()); wide {
		return broken("", name, "chmod 600 "+quoted(a.cfg.SecretPath()), "other users can read %s (mode %04o)", a.cfg.SecretPath(), mode)
	}
	return good(name, "%d set, without white space (from %s)", len(secrets), a.cfg.SecretSource())
}

func (a *App) checkDC() checkup {
	const name = "data centre"
	dc, err := a.dataCentre()
	if err != nil {
		return broken(tokenkeep.Misconfigured, name, "use one of us, eu, in, au, jp, cn, ca, sa, uk, ae, sg, or set --accounts-server and --api-domain", "%s", message(err))
	}
	return good(name, "%s: %s, %s", dc.Code, dc.Accounts, dc.API)
}

func (a *App) checkRedirect() checkup {
	return good("redirect URI", "%s (must be in the API console exactly like this)", a.cfg.RedirectURL)
}

// The clock may be wrong by this much before something is said, and before it is
// called broken.
const (
	skewWarn   = 30 * time.Second
	skewBroken = 5 * time.Minute
)

// checkNetwork asks the accounts server for its time.
func (a *App) checkNetwork(ctx context.Context) []checkup {
	dc, err := a.dataCentre()
	if err != nil {
		return nil // said already
	}
	stop := a.IO.Progress("asking " + dc.Accounts)
	skew, err := clockSkew(ctx, dc.Accounts)
	stop()
	switch {
	case err != nil:
		return []checkup{broken(tokenkeep.RetryLater, "accounts server", "check the network, the proxy and the firewall", "%s cannot be asked: %v", dc.Accounts, err)}
	case skew.Abs() > skewBroken:
		return []checkup{broken("", "clock", "set this machine's clock, by NTP", "it differs from %s by %v", dc.Accounts, skew)}
	case skew.Abs() > skewWarn:
		return []checkup{warn("clock", "set this machine's clock, by NTP", "it differs from %s by %v", dc.Accounts, skew)}
	}
	return []checkup{good("accounts server", "%s answers", dc.Accounts), good("clock", "within %v of %s", skewWarn, dc.Accounts)}
}

// clockSkew returns how far this machine's clock is ahead of the server's Date
// header, which is exact to a second.
func clockSkew(ctx context.Context, accounts string) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, accounts+"/oauth/serverinfo", nil)
	if err != nil {
		return 0, err
	}
	client := &http.Client{
		Timeout:       15 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	sent := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, fmt.Errorf("its answer has no date")
	}
	middle := sent.Add(time.Since(sent) / 2)
	return middle.Sub(date).Round(time.Second), nil
}
