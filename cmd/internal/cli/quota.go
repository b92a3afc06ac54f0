package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// mostRows is how many rows are read to find a user's other logins.
const mostRows = 10_000

// people are the logins of each user of each client.
type people map[string][]*tokenkeep.Token

// personOf returns the same for two logins of one user of one client, or "" if nobody
// can tell. Names are "<email>:<organisation>", and Zoho counts for the user.
func personOf(t *tokenkeep.Token) string {
	if t.UserName == "" {
		return ""
	}
	return tokenkeep.EmailOf(t.UserName) + "\x00" + t.ClientID + "\x00" + t.DataCentre
}

func (p people) add(t *tokenkeep.Token) {
	if who := personOf(t); who != "" {
		p[who] = append(p[who], t)
	}
}

// quota returns what row has used of Zoho's limits. The refresh tokens of its user's
// other logins count too.
func (p people) quota(row *tokenkeep.Token, now time.Time) tokenkeep.Quota {
	var others []*tokenkeep.Token
	for _, t := range p[personOf(row)] {
		if t.ID != row.ID {
			others = append(others, t)
		}
	}
	return tokenkeep.QuotaOf(zoho.Limits(), now, row, others...)
}

// quota is people.quota for one login.
func (a *App) quota(ctx context.Context, s tokenkeep.TokenStore, row *tokenkeep.Token) (tokenkeep.Quota, error) {
	p, n := people{}, 0
	for t, err := range s.GetTokens(ctx) {
		if err != nil {
			return tokenkeep.Quota{}, storeError("list", err)
		}
		if n++; n > mostRows {
			break
		}
		if personOf(t) == personOf(row) {
			p.add(t)
		}
	}
	return p.quota(row, a.now()), nil
}

// addQuotas sets the quotas of what status found: one login, or all.
func (a *App) addQuotas(ctx context.Context, s tokenkeep.TokenStore, found []finding, one bool) (err error) {
	if one {
		found[0].quota, err = a.quota(ctx, s, found[0].row)
		return err
	}
	p := people{}
	for _, f := range found {
		p.add(f.row)
	}
	for i := range found {
		found[i].quota = p.quota(found[i].row, a.now())
	}
	return nil
}

// roomFor refuses a login, before anybody is asked for anything, that would make Zoho
// end a refresh token that may be in use. It can only do so when the user is named.
func (a *App) roomFor(ctx context.Context, s tokenkeep.TokenStore, o *loginOptions) error {
	if o.force || o.user == "" || o.withRefreshToken != "" {
		return nil
	}
	row, err := s.FindToken(ctx, &tokenkeep.Token{UserName: o.user, ClientID: a.cfg.ClientID})
	if err != nil {
		return nil //nolint:nilerr // a user who is not stored; the save finds what is wrong with the store
	}
	q, err := a.quota(ctx, s, row)
	if err != nil {
		return err
	}
	return q.MayLogin()
}

// warnOfQuota tells after a login which limits are near.
func (a *App) warnOfQuota(ctx context.Context, s tokenkeep.TokenStore, row *tokenkeep.Token) {
	q, err := a.quota(ctx, s, row)
	if err != nil {
		return // the login is done; status will say it
	}
	for _, w := range q.Warnings() {
		a.IO.Warn("%s", w)
	}
}

// quotaCell shows the limit that is nearest, or "ok".
func (a *App) quotaCell(q tokenkeep.Quota) ui.Cell {
	cell, most := ui.Cell{Text: "ok"}, 0.0
	for _, l := range limitsOf(q) {
		if part := float64(l.Used) / float64(max(l.Limit, 1)); l.Near() && part > most {
			cell, most = ui.Cell{Text: fmt.Sprintf("%d/%d %s", l.Used, l.Limit, l.short), Paint: a.IO.Fair}, part
		}
	}
	return cell
}

// A limit is one of Zoho's, and what is used of it.
type limit struct {
	tokenkeep.Usage
	short, long string
}

func limitsOf(q tokenkeep.Quota) []limit {
	return []limit{
		{q.Mints, "asked", "access tokens asked for in 10 minutes:"},
		{q.Live, "alive", "access tokens that may be alive:"},
		{q.RefreshTokens, "logins", "refresh tokens that may be alive:"},
	}
}

// showQuotas shows the quota of one login in detail, and warns of limits that are near.
func (a *App) showQuotas(found []finding, one bool) error {
	for _, f := range found {
		for _, l := range limitsOf(f.quota) {
			if !one {
				break
			}
			if _, err := fmt.Fprintf(a.IO.Out, "  %-39s %d of %d%s\n", l.long, l.Used, l.Limit, a.since(l.Usage)); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		for _, w := range f.quota.Warnings() {
			a.IO.Warn("%s: %s", ui.Plain(nameOf(f.row)), w)
		}
	}
	return nil
}

// since says how old the oldest that counts is, and when there is room again.
func (a *App) since(u tokenkeep.Usage) string {
	switch {
	case u.Used == 0 || u.Oldest.IsZero():
		return ""
	case !u.Free.IsZero():
		return fmt.Sprintf(", the oldest %s; room again at %s", ago(u.Oldest, a.now()), clockTime(u.Free))
	}
	return ", the oldest " + ago(u.Oldest, a.now())
}

// A quotaView is a quota as JSON.
type quotaView struct {
	Mints         usageView `json:"access_tokens_asked_for"`
	Live          usageView `json:"access_tokens_alive"`
	RefreshTokens usageView `json:"refresh_tokens"`
}

// A usageView is what is used of one limit as JSON.
type usageView struct {
	Used   int       `json:"used"`
	Limit  int       `json:"limit"`
	Near   bool      `json:"near"`
	Oldest time.Time `json:"oldest_at,omitzero"`
	Free   time.Time `json:"room_at,omitzero"`
}

func viewQuota(q tokenkeep.Quota) *quotaView {
	view := func(u tokenkeep.Usage) usageView {
		return usageView{Used: u.Used, Limit: u.Limit, Near: u.Near(), Oldest: utc(u.Oldest), Free: utc(u.Free)}
	}
	return &quotaView{view(q.Mints), view(q.Live), view(q.RefreshTokens)}
}
