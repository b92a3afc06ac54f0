package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// Before step 8 of the refresh transaction, Zoho has answered with a new access
// token, which is in the memory of one process and nowhere else.
const beforeCommit = 8

// takeOverLimit is how soon another process has to go on where a dead one left.
const takeOverLimit = 10 * time.Second

// playKill kills a process at the worst moment of a refresh, and lets another one
// go on.
func playKill(ctx context.Context, st *stage) error {
	survivor, err := st.start(ctx, st.ann, 0)
	if err != nil {
		return err
	}
	before := st.fake.Counters()
	if err := st.killMidway(ctx, before); err != nil {
		return err
	}
	died := time.Now()
	if err := st.claimNotBlocked(ctx, survivor, before); err != nil {
		return err
	}
	st.fake.Advance(anHour)
	st.note("The fake's clock jumps another hour. The dead process still holds its claim on the refresh.")
	r, err := survivor.ask(ctx, order{Do: "calls", Callers: 1})
	if err != nil {
		return err
	}
	took, used := time.Since(died), st.since(before)
	st.claim(fmt.Sprintf("%.1f s after the death the other process had taken over; its call was answered.", took.Seconds()),
		is("answered", r.Tally.Answered, 1), is("error", r.Tally.Error, ""),
		within("take_over_seconds", took, takeOverLimit), is("claims_taken_over", r.Events[tokenkeep.TakenOver], 1))
	st.claim(fmt.Sprintf("It cost %d token requests: the one that died with the process, and one more. Logins: %d.", used.TokenRequests, used.Exchanges),
		is("token_requests", used.TokenRequests, 2), is("logins", used.Exchanges, 0))
	return nil
}

// killMidway starts a process that refreshes ann's token, and kills it.
func (st *stage) killMidway(ctx context.Context, before zohotest.Counters) error {
	victim, err := st.start(ctx, st.ann, beforeCommit)
	if err != nil {
		return err
	}
	r, err := victim.ask(ctx, order{Do: "refresh"})
	if err != nil {
		return err
	}
	minted := st.since(before).Mints
	st.claim(fmt.Sprintf("A process refreshes ann's token; Zoho has answered (%d new token), nothing is saved yet.", minted),
		is("stopped_before_step", r.Paused, beforeCommit), is("minted_and_not_saved", minted, 1))
	killed := victim.kill()
	row, err := st.row(ctx, st.ann)
	if err != nil {
		return err
	}
	st.claim(fmt.Sprintf("It was killed there (%s). The login is intact: the store has its refresh token.", victim.cmd.ProcessState),
		is("killed", killed, true), is("claim_left_behind", row.Claim.Held(), true), is("refresh_token_there", !row.RefreshToken.IsZero(), true))
	return nil
}

// claimNotBlocked tells that a dead holder disturbs nobody while the token that
// it wanted to replace is good.
func (st *stage) claimNotBlocked(ctx context.Context, survivor *process, before zohotest.Counters) error {
	r, err := survivor.ask(ctx, order{Do: "calls", Callers: 1})
	if err != nil {
		return err
	}
	st.claim(fmt.Sprintf("The old access token is still good: a call of another process took %.3f s, it waited for nobody.", r.Took.Seconds()),
		is("answered_at_once", r.Tally.Answered, 1), within("at_once_seconds", r.Took, 2*time.Second),
		is("requests_for_it", st.since(before).TokenRequests, 1))
	return nil
}
