package lineage_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
)

// TestEveryStoryIsWhole: whatever the facts, a story has a verdict, says it in words,
// and orders what it says by certainty.
func TestEveryStoryIsWhole(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 9))
	for n := range 3000 {
		f := randomFacts(rnd)
		s := lineage.Explain(f)
		check(t, s)
		for i := 1; i < len(s.Verdicts); i++ {
			if rank(s.Verdicts[i-1]) < rank(s.Verdicts[i]) {
				t.Errorf("verdicts out of order: %s", brief(s))
			}
		}
		for _, x := range s.Excluded {
			for _, v := range s.Verdicts {
				if v.Cause == x.Cause && !v.Past {
					t.Errorf("%s is both likely and excluded: %s", x.Cause, brief(s))
				}
			}
		}
		if t.Failed() {
			t.Fatalf("facts %d: %+v", n, f)
		}
	}
}

func rank(v lineage.Verdict) int {
	return map[lineage.Certainty]int{lineage.Sure: 2, lineage.Likely: 1}[v.Certainty]
}

func pick[T any](rnd *rand.Rand, from ...T) T { return from[rnd.IntN(len(from))] }

func randomFacts(rnd *rand.Rand) *lineage.Facts {
	f := facts()
	f.Recorded = rnd.IntN(5) > 0
	f.Limits = pick(rnd, f.Limits, tokenkeep.Limits{}, tokenkeep.Limits{Rotation: tokenkeep.RotationStrict}, tokenkeep.Limits{Mints: 1, Live: 2, RefreshTokens: 2, Window: time.Minute, Life: time.Hour})
	f.Policy = pick(rnd, tokenkeep.Policy{}, tokenkeep.Policy{Lifetime: time.Hour, ClockSkew: -1})
	f.Events = nil
	for range rnd.IntN(9) * rnd.IntN(2) {
		f.Events = append(f.Events, randomEvent(rnd))
	}
	for range rnd.IntN(4) {
		f.Neighbours = append(f.Neighbours, randomNeighbour(rnd))
	}
	if f.Row = randomRow(rnd); f.Row == nil && len(f.Events) == 0 {
		f.Events = usual()
	}
	return f
}

func randomTime(rnd *rand.Rand) time.Time {
	return pick(rnd, time.Time{}, ago(rnd.IntN(120)), ago(rnd.IntN(5)), ago(rnd.IntN(90_000)), ago(-rnd.IntN(30)))
}

func randomEvent(rnd *rand.Rand) tokenkeep.Event {
	e := event(0, pick(rnd, tokenkeep.LoggedIn, tokenkeep.Refreshed, tokenkeep.Adopted, tokenkeep.TakenOver, tokenkeep.Dropped, tokenkeep.Failed,
		tokenkeep.Invalidated, tokenkeep.Unsaved, tokenkeep.Rescued, tokenkeep.Named, tokenkeep.Revoked, tokenkeep.Deleted, tokenkeep.Ended, tokenkeep.HeldBack, "unheard_of"))
	e.Time = ago(rnd.IntN(200))
	e.Login = pick(rnd, "", mark("r1"), mark("r2"))
	e.Class = pick(rnd, "", tokenkeep.NeedsLogin, tokenkeep.InDoubt, tokenkeep.Throttled, tokenkeep.Misconfigured)
	e.Owner, e.Actor = pick(rnd, "", "web1", "web1:2", "web2:3:R:F"), pick(rnd, "", ann, "ops")
	e.TokenID, e.Reason = pick(rnd, "", id, "1000000007"), pick(rnd, "", "because", tokenkeep.EndedByPolicy, tokenkeep.CleanedUp, tokenkeep.RevokedOnRequest)
	if e.Kind == tokenkeep.Unsaved && e.Reason == "" {
		e.Reason = "the store does not take it"
	}
	return e
}

func randomNeighbour(rnd *rand.Rand) lineage.Neighbour {
	n := neighbour(pick(rnd, ann, bob, "ann@example.com:2", ""), pick(rnd, app, other, ""), rnd.IntN(200))
	n.TokenID = fmt.Sprint(rnd.IntN(99))
	n.LoggedIn, n.Since, n.Worked = randomTime(rnd), randomTime(rnd), randomTime(rnd)
	n.Ended = pick(rnd, lineage.Ending{}, lineage.Ending{Worked: randomTime(rnd), Found: randomTime(rnd)})
	return n
}

func randomRow(rnd *rand.Rand) *tokenkeep.Token {
	if rnd.IntN(5) == 0 {
		return nil
	}
	r := row()
	r.UsedAt, r.Expiry, r.CreatedAt = randomTime(rnd), randomTime(rnd), randomTime(rnd)
	r.State.Class = pick(rnd, "", tokenkeep.NeedsLogin, tokenkeep.InDoubt, tokenkeep.Throttled, tokenkeep.Misconfigured, tokenkeep.RetryLater, "unheard_of")
	r.State.Since, r.State.Until = randomTime(rnd), randomTime(rnd)
	r.State.Reason = pick(rnd, "because", tokenkeep.RevokedOnRequest+": it leaked")
	if rnd.IntN(6) == 0 {
		r.RefreshToken = tokenkeep.Secret{}
	}
	for range rnd.IntN(12) {
		r.Mints = append(r.Mints, ago(rnd.IntN(60)))
	}
	for range rnd.IntN(3) {
		r.Logins = append(r.Logins, randomTime(rnd))
	}
	return r
}
