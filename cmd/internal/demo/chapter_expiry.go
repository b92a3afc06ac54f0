package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// crowdSize is how many callers come at once.
const crowdSize = 100

// playExpiry lets the access tokens end while the app runs. This machine's clock
// does not jump, so the app learns of it as it does when Zoho ends a token early:
// by a 401.
func playExpiry(ctx context.Context, st *stage) error {
	old, err := st.row(ctx, st.ann)
	if err != nil {
		return err
	}
	st.fake.Advance(anHour)
	_, accepted := st.alive(old)
	st.claim(fmt.Sprintf("The fake's clock jumped %d minutes: Zoho refuses ann's access token now.", int(anHour.Minutes())),
		is("old_token_accepted", accepted, false))

	before, began := st.fake.Counters(), time.Now()
	flights := st.steps[3].Load()
	crowd := crowd(ctx, crowdSize, func(i int) *tokenkeep.Session { return st.caller(st.ann, i) })
	took, used := time.Since(began), st.since(before)
	flights = st.steps[3].Load() - flights

	st.claim(fmt.Sprintf("%d calls at once: %d answered, %d failed, in %.1f s. Zoho first said 401 to %d of them.", crowdSize, crowd.Answered, crowd.Failed, took.Seconds(), used.Unauthorized),
		is("calls_answered", crowd.Answered, crowdSize), is("first_error", crowd.Error, ""),
		atLeast("answered_401_first", used.Unauthorized, 1), within("seconds", took, 20*time.Second))
	st.claim(fmt.Sprintf("They cost %d token request: the callers shared %d refresh.", used.TokenRequests, flights),
		is("token_requests", used.TokenRequests, 1), is("tokens_minted", used.Mints, 1),
		atMost("refreshes_in_the_app", flights, crowdSize/10))
	return st.claimSaved(ctx, old)
}

// claimSaved tells that what the callers used is what the store has.
func (st *stage) claimSaved(ctx context.Context, old *tokenkeep.Token) error {
	row, err := st.row(ctx, st.ann)
	if err != nil {
		return err
	}
	tok, err := st.ann.session.Token(ctx)
	if err != nil {
		return err
	}
	_, accepted := st.alive(row)
	st.claim("The access token that they got is in the store; the refresh token is still the same.",
		is("stored_is_used", row.AccessToken.Equal(tok.Secret()), true), is("stored_is_accepted", accepted, true),
		is("refresh_token_same", row.RefreshToken.Equal(old.RefreshToken), true))
	return nil
}
