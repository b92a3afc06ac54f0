package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokenkeep/tokenkeep"
)

// playRevoke ends ann's login centrally, while another process works with it.
func playRevoke(ctx context.Context, st *stage) error {
	app, err := st.start(ctx, st.ann, 0)
	if err != nil {
		return err
	}
	working, err := app.ask(ctx, order{Do: "calls", Callers: 1})
	if err != nil {
		return err
	}
	row, err := st.row(ctx, st.ann)
	if err != nil {
		return err
	}
	before := st.fake.Counters()
	if err := st.keeper.Logout(ctx, st.ann.id); err != nil {
		return err
	}
	refresh, access := st.alive(row)
	_, gone := st.row(ctx, st.ann)
	st.claim("ann's login was revoked at Zoho and deleted from the store; neither of her tokens works any more.",
		is("worked_before", working.Tally.Answered, 1), is("revoked", st.since(before).Revokes, 1),
		is("refresh_token_alive", refresh, false), is("access_token_alive", access, false),
		is("row_gone", errors.Is(gone, tokenkeep.ErrNotFound), true))
	return errors.Join(st.claimLoginNeeded(ctx, app), st.claimUntouched(ctx))
}

// claimLoginNeeded tells what ann's other process hears.
func (st *stage) claimLoginNeeded(ctx context.Context, app *process) error {
	before := st.fake.Counters()
	r, err := app.ask(ctx, order{Do: "calls", Callers: perProcess})
	if err != nil {
		return err
	}
	used := st.since(before)
	st.claim(fmt.Sprintf("Her app in another process is told at its next call: %s. It asked Zoho for %d new tokens.", words(r.Tally.Class), used.TokenRequests),
		is("app_class", r.Tally.Class, tokenkeep.NeedsLogin), is("app_calls_refused", r.Tally.Failed, perProcess),
		is("app_token_requests", used.TokenRequests, 0))
	return nil
}

// claimUntouched tells that bo is still there.
func (st *stage) claimUntouched(ctx context.Context) error {
	seen, err := listLeads(ctx, st.bo.session)
	left := 0
	for _, listErr := range st.store.GetTokens(ctx) {
		if listErr != nil {
			return listErr
		}
		left++
	}
	st.claim(fmt.Sprintf("bo did not notice: his call sees %d lead. Logins left: %d.", len(seen), left),
		is("bo_error", errorText(err), ""), is("bo_sees", len(seen), 1), is("logins_left", left, 1))
	return nil
}
