package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

const (
	tokenPath = "/oauth/v2/token"
	healLimit = 15 * time.Second
	// healLook is the pause between two calls of an app that waits for the end of
	// an outage.
	healLook = 100 * time.Millisecond
)

// playOutage lets the accounts servers answer with an HTML page and 503.
func playOutage(ctx context.Context, st *stage) error {
	end := st.fake.AddFault(zohotest.Fault{Kind: zohotest.FaultStatus, Status: http.StatusServiceUnavailable, Path: tokenPath})
	defer end()
	st.claimUnnoticed(ctx)
	if err := st.claimRetryLater(ctx); err != nil {
		return err
	}
	end()
	before, began := st.fake.Counters(), time.Now()
	var err error
	for time.Since(began) < healLimit {
		if _, err = listLeads(ctx, st.bo.session); err == nil {
			break
		}
		if stopped := pause(ctx, healLook); stopped != nil {
			return stopped
		}
	}
	took, used := time.Since(began), st.since(before)
	st.claim(fmt.Sprintf("%.1f s after the servers were back, bo's calls were answered again by themselves; logins: %d.", took.Seconds(), used.Exchanges),
		is("healed", errorText(err), ""), within("heal_seconds", took, healLimit), is("logins", used.Exchanges, 0))
	return nil
}

// claimUnnoticed tells that who has a valid token notices nothing of an outage,
// not even while a refresh fails.
func (st *stage) claimUnnoticed(ctx context.Context) {
	early := make(chan error, 1)
	go func() {
		_, err := st.ann.session.Refresh(ctx)
		early <- err
	}()
	calls := crowd(ctx, crowdSize, same(st.ann.session))
	class := tokenkeep.ClassOf(<-early)
	st.claim(fmt.Sprintf("They answer 503 with an HTML page. A refresh of ann's token before its time is told: %s.", words(class)),
		is("early_refresh", class, tokenkeep.RetryLater))
	st.claim(fmt.Sprintf("Her token is still valid, and her callers notice nothing meanwhile: %d of %d calls answered.", calls.Answered, crowdSize),
		is("valid_answered", calls.Answered, crowdSize), is("valid_error", calls.Error, ""))
}

// claimRetryLater tells what who has no valid token hears.
func (st *stage) claimRetryLater(ctx context.Context) error {
	old, err := st.row(ctx, st.bo)
	if err != nil {
		return err
	}
	st.fake.EvictAccessToken(old.AccessToken.Reveal())
	before := st.fake.Counters()
	calls := crowd(ctx, crowdSize, same(st.bo.session))
	used := st.since(before)
	row, err := st.row(ctx, st.bo)
	if err != nil {
		return err
	}
	alive, _ := st.alive(row)
	st.claim(fmt.Sprintf("Zoho drops bo's access token: %d of %d calls are told: %s. Zoho was asked %s. His login is intact.", calls.Failed, crowdSize, words(calls.Class), times(used.TokenRequests)),
		is("invalid_failed", calls.Failed, crowdSize), is("invalid_class", calls.Class, tokenkeep.RetryLater),
		atMost("token_requests", used.TokenRequests, 5),
		is("refresh_token_same", row.RefreshToken.Equal(old.RefreshToken), true), is("refresh_token_alive", alive, true))
	return nil
}
