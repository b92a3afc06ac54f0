package zoho

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// lookupTime bounds each request of Identify.
const lookupTime = 5 * time.Second

// Identify returns whom t belongs to, as Zoho's SDKs name it: "<email>:<zgid>",
// the number of the organisation last. It asks CRM for the current user and the
// organisation, which takes the scopes ZohoCRM.users.READ and ZohoCRM.org.READ.
// Where the organisation may not be seen, the name is the email alone; where the
// user may not, it is the email of the Zoho account (AaaServer.profile.READ).
// Each request takes at most 5 seconds. The token goes to the hosts of its own
// data centre.
func (p *Provider) Identify(ctx context.Context, t *tokenkeep.Token) (string, error) {
	d, api, err := p.apiOf(t)
	if err != nil {
		return "", err
	}
	email, err := p.lookup(ctx, t, api+"/crm/v8/users?type=CurrentUser", "users", "email")
	if err != nil {
		return p.accountEmail(ctx, d, t, err)
	}
	zgid, err := p.lookup(ctx, t, api+"/crm/v8/org", "org", "zgid")
	switch {
	case err == nil:
		return email + ":" + zgid, nil
	case errors.Is(err, tokenkeep.ErrMisconfigured):
		return email, nil
	}
	return "", err
}

// accountEmail is the way out when CRM does not tell the user.
func (p *Provider) accountEmail(ctx context.Context, d DataCentre, t *tokenkeep.Token, crmErr error) (string, error) {
	email, err := p.lookup(ctx, t, d.Accounts+pathUserInfo, "", "Email")
	if err != nil {
		return "", fmt.Errorf("%w; and %w", crmErr, err)
	}
	return email, nil
}

// lookup reads one field of the first element of list, or of the object itself
// without a list.
func (p *Provider) lookup(ctx context.Context, t *tokenkeep.Token, url, list, field string) (string, error) {
	const op = "identify"
	req, err := http.NewRequest(http.MethodGet, url, http.NoBody) //nolint:noctx // do sets the context
	if err != nil || t.AccessToken.IsZero() || !wire.WellFormed(t.AccessToken.Reveal()) {
		return "", misconfigured(op, "there is no usable access token", "")
	}
	req.Header.Set("Authorization", scheme+" "+t.AccessToken.Reveal())
	r, sendErr := p.do(ctx, op, req, lookupTime, p.scrubber(t))
	if sendErr != nil {
		return "", sendErr
	}
	o, isJSON := wire.ParseObject(r.Body)
	if r.Status != http.StatusOK || !isJSON {
		return "", lookupFailed(op, req.URL.Path, r, o)
	}
	if value := first(o, list).Text(field); value != "" && !hasBlank(value) && len(value) <= 320 {
		return value, nil
	}
	return "", misconfigured(op, fmt.Sprintf("%s%s does not say %q", r.Host, req.URL.Path, field), "")
}

// first returns the first element of the list under key, and o itself for an
// empty key.
func first(o wire.Object, key string) wire.Object {
	if key == "" {
		return o
	}
	list := o.List(key)
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// lookupFailed tells what may be fixed (a scope, a permission) from what may
// pass.
func lookupFailed(op, path string, r *wire.Reply, o wire.Object) error {
	code := o.Text("code")
	if strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		code = "" // CRM's codes look different
	}
	e := &tokenkeep.Error{
		Class: tokenkeep.RetryLater, Op: op, Code: code,
		Reason: fmt.Sprintf("%s%s answered HTTP %d %s", r.Host, path, r.Status, code),
	}
	switch code {
	case "OAUTH_SCOPE_MISMATCH", "NO_PERMISSION":
		e.Class = tokenkeep.Misconfigured
		e.Hint = "the name is looked up with the scopes ZohoCRM.users.READ and ZohoCRM.org.READ, or AaaServer.profile.READ; log in with them, or choose a name"
	}
	return e
}
