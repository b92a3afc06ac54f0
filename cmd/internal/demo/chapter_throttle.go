package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// playThrottle meets Zoho's limit of 10 access tokens in 10 minutes from both
// sides: when Zoho says so, and before it does.
func playThrottle(ctx context.Context, st *stage) error {
	if err := st.claimThrottled(ctx); err != nil {
		return err
	}
	return st.claimBudget(ctx)
}

// claimThrottled lets Zoho throttle ann, as it does when another program has used
// her quota up.
func (st *stage) claimThrottled(ctx context.Context) error {
	old, err := st.row(ctx, st.ann)
	if err != nil {
		return err
	}
	end := st.fake.AddFault(zohotest.Fault{Kind: zohotest.FaultThrottle, Path: tokenPath, Token: old.RefreshToken.Reveal()})
	defer end()
	before := st.fake.Counters()
	_, err = st.ann.session.Refresh(ctx)
	_, again := st.ann.session.Refresh(ctx)
	used, wait := st.since(before), waitOf(err)
	st.claim(fmt.Sprintf("Zoho throttles ann: a refresh is told: %s %.0f minutes. It was tried twice, Zoho was asked %s.", words(tokenkeep.ClassOf(err)), wait.Minutes(), times(used.TokenRequests)),
		is("class", tokenkeep.ClassOf(err), tokenkeep.Throttled), is("class_again", tokenkeep.ClassOf(again), tokenkeep.Throttled),
		is("wait_known", wait > 0 && wait <= 15*time.Minute, true), is("token_requests", used.TokenRequests, 1))
	calls := crowd(ctx, crowdSize, same(st.ann.session))
	row, err := st.row(ctx, st.ann)
	if err != nil {
		return err
	}
	alive, _ := st.alive(row)
	st.claim(fmt.Sprintf("Her valid token goes on working: %d of %d calls answered. The login is intact.", calls.Answered, crowdSize),
		is("valid_answered", calls.Answered, crowdSize), is("valid_error", calls.Error, ""),
		is("refresh_token_same", row.RefreshToken.Equal(old.RefreshToken), true), is("refresh_token_alive", alive, true))
	return nil
}

// claimBudget refreshes bo's token by force until somebody says no.
func (st *stage) claimBudget(ctx context.Context) error {
	before := st.fake.Counters()
	limit := st.provider.Limits()
	var err error
	forced := 0
	for ; forced <= limit.Mints; forced++ {
		if _, err = st.bo.session.Refresh(ctx); err != nil {
			break
		}
	}
	used := st.since(before)
	row, rowErr := st.row(ctx, st.bo)
	if rowErr != nil {
		return rowErr
	}
	st.claim(fmt.Sprintf("bo is refreshed by force. After %d tokens in %.0f minutes tokenkeep itself says: %s.", len(row.Mints), limit.Window.Minutes(), words(tokenkeep.ClassOf(err))),
		is("budget_class", tokenkeep.ClassOf(err), tokenkeep.Throttled), is("budget_mints", len(row.Mints), limit.Mints))
	_, callErr := listLeads(ctx, st.bo.session)
	st.claim(fmt.Sprintf("Zoho was not even asked: %d requests for %d new tokens, %d throttles. bo's last token works.", used.TokenRequests, forced, used.Throttles),
		is("budget_token_requests", used.TokenRequests, forced), is("budget_zoho_throttles", used.Throttles, 0),
		is("budget_call_error", errorText(callErr), ""))
	return nil
}
