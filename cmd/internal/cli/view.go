package cli

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

// A tokenView is a token as JSON. Secrets are masked.
type tokenView struct {
	ID             string    `json:"id"`
	User           string    `json:"user"`
	Current        bool      `json:"current"`
	State          string    `json:"state"`
	Reason         string    `json:"reason,omitempty"`
	RetryAt        time.Time `json:"retry_at,omitzero"`
	DC             string    `json:"dc"`
	APIDomain      string    `json:"api_domain"`
	AccountsServer string    `json:"accounts_server"`
	ClientID       string    `json:"client_id"`
	RedirectURL    string    `json:"redirect_url,omitempty"`
	Scopes         []string  `json:"scopes"`
	AccessToken    string    `json:"access_token,omitempty"`
	ExpiresAt      time.Time `json:"access_expires_at,omitzero"`
	RefreshToken   string    `json:"refresh_token,omitempty"`
	CreatedAt      time.Time `json:"created_at,omitzero"`
	UpdatedAt      time.Time `json:"updated_at,omitzero"`
	LastRefresh    time.Time `json:"last_refresh_at,omitzero"`
	Version        int64     `json:"version"`
	// Check is what Zoho said, with status --check.
	Check string `json:"check,omitempty"`
	// Quota is what is used of Zoho's limits, with status.
	Quota *quotaView `json:"quota,omitempty"`
}

func (a *App) view(t *tokenkeep.Token) tokenView {
	st := a.standing(t)
	v := tokenView{
		ID: t.ID, User: t.UserName, Current: t.ID == a.current(),
		State: cmp.Or(string(st.Class), "ok"), Reason: st.Reason, RetryAt: utc(st.Until),
		DC: t.DataCentre, APIDomain: t.APIDomain, AccountsServer: t.AccountsServer,
		ClientID: t.ClientID, RedirectURL: t.RedirectURL, Scopes: t.Scopes,
		AccessToken: t.AccessToken.Masked(), ExpiresAt: utc(t.Expiry), RefreshToken: t.RefreshToken.Masked(),
		CreatedAt: utc(t.CreatedAt), UpdatedAt: utc(t.UpdatedAt), LastRefresh: utc(t.UsedAt), Version: t.Version,
	}
	if v.Scopes == nil {
		v.Scopes = []string{}
	}
	return v
}

// utc returns t in UTC; the zero time stays zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// standing is the state of a login now: what the row remembers, if time has not
// healed it, or what its tokens and the policy say. Time does not heal a wrong
// client: after the pause the next refresh only tries again.
func (a *App) standing(t *tokenkeep.Token) tokenkeep.State {
	st, now := t.State, a.now()
	if healed := !st.Until.IsZero() && !now.Before(st.Until); healed && st.Class != tokenkeep.Misconfigured {
		st = tokenkeep.State{}
	}
	if st.Class == "" && t.RefreshToken.IsZero() && !t.Valid(now, 0) {
		return tokenkeep.State{Class: tokenkeep.NeedsLogin, Reason: "the access token has expired and there is no refresh token"}
	}
	if e, ended := errors.AsType[*tokenkeep.Error](a.cfg.Policy.Check(t, now)); ended && !needsLogin(st) {
		return tokenkeep.State{Class: e.Class, Reason: e.Reason}
	}
	return st
}

// needsLogin reports whether only a person can bring the login back.
func needsLogin(st tokenkeep.State) bool {
	return st.Class == tokenkeep.NeedsLogin || st.Class == tokenkeep.InDoubt
}

// stateCell shows a state in words.
func (a *App) stateCell(st tokenkeep.State) ui.Cell {
	switch st.Class {
	case "":
		return ui.Cell{Text: "ok", Paint: a.IO.Good}
	case tokenkeep.NeedsLogin:
		return ui.Cell{Text: "login needed", Paint: a.IO.Bad}
	case tokenkeep.InDoubt:
		return ui.Cell{Text: "in doubt: login needed", Paint: a.IO.Bad}
	case tokenkeep.Throttled:
		return ui.Cell{Text: "throttled until " + clockTime(st.Until), Paint: a.IO.Fair}
	case tokenkeep.Misconfigured:
		return ui.Cell{Text: "misconfigured", Paint: a.IO.Bad}
	case tokenkeep.RetryLater:
		return ui.Cell{Text: "retrying after " + clockTime(st.Until), Paint: a.IO.Fair}
	}
	return ui.Cell{Text: string(st.Class), Paint: a.IO.Fair}
}

func clockTime(t time.Time) string { return t.Local().Format("15:04:05") }

// accessCell says how long the access token is still good.
func accessCell(t *tokenkeep.Token, now time.Time) string {
	switch {
	case t.AccessToken.IsZero():
		return "none"
	case t.Expiry.IsZero():
		return "unknown"
	case !now.Before(t.Expiry):
		return "expired"
	}
	return span(t.Expiry.Sub(now))
}

// ago says how long ago t was.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(now.Sub(t)) + " ago"
}

// span is a duration in the one unit that tells most.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
