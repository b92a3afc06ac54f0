package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// everything turns all criteria on.
func everything() ReapOptions {
	return ReapOptions{
		Idle: true, Lifetime: true, DeadFor: day, InDoubtFor: day, ExpiredFor: day, UnfinishedFor: day, AllClients: true,
	}
}

// reapRows are rows of all kinds, by the name of their user, 20 days old.
func reapRows(t *testing.T, s TokenStore) {
	t.Helper()
	long, late := time.Now().Add(-20*day), time.Now()
	state := func(c Class) func(*Token) {
		return func(r *Token) { r.State = State{Class: c, Reason: "why not", Since: long, Until: long} }
	}
	for name, edit := range map[string]func(*Token){
		"used":          nil,
		"idle":          func(r *Token) { r.UsedAt = long },
		"old":           func(r *Token) { r.Logins = []time.Time{long} },
		"dead":          state(NeedsLogin),
		"just dead":     func(r *Token) { r.State = State{Class: NeedsLogin, Reason: "now", Since: late} },
		"in doubt":      state(InDoubt),
		"misconfigured": state(Misconfigured),
		"throttled":     state(Throttled),
		"retry":         state(RetryLater),
		"store":         state(StoreUnavailable),
		"expired":       func(r *Token) { r.RefreshToken, r.Expiry = Secret{}, long },
		"no end":        func(r *Token) { r.RefreshToken, r.Expiry = Secret{}, time.Time{} },
		"stale":         func(r *Token) { r.Expiry = long },
		"unfinished": func(r *Token) {
			r.RefreshToken, r.AccessToken, r.GrantToken = Secret{}, Secret{}, NewSecret("1000.code")
		},
		"other":        func(r *Token) { r.ClientID = "1000.OTHER"; state(NeedsLogin)(r) },
		"idle dead":    func(r *Token) { r.UsedAt = long; state(NeedsLogin)(r) },
		"idle busy":    func(r *Token) { r.UsedAt = long; r.Claim = Claim{Owner: "elsewhere:1:A:B", Since: late} },
		"idle left":    func(r *Token) { r.UsedAt = long; r.Claim = Claim{Owner: "elsewhere:1:A:B", Since: long} },
		"idle config":  func(r *Token) { r.UsedAt = long; state(Misconfigured)(r) },
		"rotated dead": func(r *Token) { r.Candidates = []Secret{NewSecret("1000.next")}; state(NeedsLogin)(r) },
	} {
		row := savedLogin(t, s, name, edit)
		if name == "unfinished" || name == "idle" || strings.HasPrefix(name, "idle ") {
			row.CreatedAt = long
			must(t, s.SaveToken(t.Context(), row))
		}
	}
}

// TestReapCriteria: each criterion by itself ends what it names and nothing else, and
// a dry run tells just what a real one does.
func TestReapCriteria(t *testing.T) {
	for name, tt := range map[string]struct {
		options ReapOptions
		ended   string
		revoked string
	}{
		"none":       {ReapOptions{}, "", ""},
		"idle":       {ReapOptions{Idle: true}, "idle,idle dead,idle left", "idle,idle dead,idle left"},
		"lifetime":   {ReapOptions{Lifetime: true}, "idle,idle config,idle dead,idle left,old", "idle,idle config,idle dead,idle left,old"},
		"dead":       {ReapOptions{DeadFor: 10 * day}, "dead,idle dead", ""},
		"dead long":  {ReapOptions{DeadFor: 30 * day}, "", ""},
		"in doubt":   {ReapOptions{InDoubtFor: 10 * day}, "in doubt", "in doubt"},
		"expired":    {ReapOptions{ExpiredFor: 10 * day}, "expired", ""},
		"unfinished": {ReapOptions{UnfinishedFor: 10 * day}, "unfinished", ""},
		"all": {
			everything(), "dead,expired,idle,idle config,idle dead,idle left,in doubt,old,other,unfinished",
			"idle,idle config,idle left,in doubt,old",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows, p := NewMemoryStore(), &stubProvider{}
				reapRows(t, rows)
				k, told := policed(rows, p, Policy{IdleTimeout: 10 * day, Lifetime: 15 * day})
				before := rowsOf(t, rows)
				planned, plan := reap(t, k, tt.options, true)
				if !reflect.DeepEqual(rowsOf(t, rows), before) || len(p.revoked)+len(told.all) > 0 {
					t.Errorf("a dry run changed or told something: %v %+v", p.revoked, told.all)
				}
				report, list := reap(t, k, tt.options, false)
				if !slices.Equal(describe(plan), describe(list)) || !maps.Equal(planned.Ended, report.Ended) || planned.Rows != report.Rows {
					t.Errorf("a dry run tells\n%s\nand a real one does\n%s", strings.Join(describe(plan), "\n"), strings.Join(describe(list), "\n"))
				}
				var ended []string
				for name := range before {
					if rowsOf(t, rows)[name] == nil {
						ended = append(ended, strings.TrimSuffix(name, "@eu"))
					}
				}
				slices.Sort(ended)
				var revoked []string
				for _, r := range p.revoked {
					name, _, _ := strings.Cut(strings.TrimPrefix(r, "1000.refresh."), "|")
					revoked = append(revoked, name)
				}
				slices.Sort(revoked)
				if got := strings.Join(ended, ","); got != tt.ended {
					t.Errorf("ended %s\nwant  %s", got, tt.ended)
				}
				if got := strings.Join(revoked, ","); got != tt.revoked {
					t.Errorf("revoked %s\nwant    %s", got, tt.revoked)
				}
				if len(list) != len(ended) || report.Total() != len(ended) {
					t.Errorf("told of %d of %d: %+v", len(list), len(ended), report)
				}
			})
		})
	}
}

func reap(t *testing.T, k *Keeper, o ReapOptions, dry bool) (EndReport, []Ending) {
	t.Helper()
	var list []Ending
	o.DryRun, o.Each = dry, func(e Ending) { list = append(list, e) }
	r, err := k.Reap(t.Context(), o)
	must(t, err)
	return r, list
}

// TestReapNeverEndsALoginThatWorks: of rows of any kind, none is ended that the policy
// lets be refreshed.
func TestReapNeverEndsALoginThatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		when := func() time.Time { return time.Now().Add(-time.Duration(r.Int64N(int64(50 * day)))).Add(5 * day) }
		some := func(s Secret) Secret {
			if r.IntN(4) == 0 {
				return Secret{}
			}
			return s
		}
		classes := []Class{"", "", "", NeedsLogin, InDoubt, Misconfigured, Throttled, RetryLater, StoreUnavailable}
		rows := NewMemoryStore()
		for i := range 400 {
			savedLogin(t, rows, fmt.Sprint("user", i), func(row *Token) {
				row.RefreshToken, row.AccessToken = some(row.RefreshToken), some(row.AccessToken)
				row.GrantToken, row.UsedAt, row.Expiry = NewSecret("1000.code"), when(), when()
				if c := classes[r.IntN(len(classes))]; c != "" {
					row.State = State{Class: c, Reason: "why not", Since: when()}
				}
				if r.IntN(2) == 0 {
					row.Logins = []time.Time{when()}
				}
			})
		}
		policy := Policy{IdleTimeout: 10 * day, Lifetime: 20 * day}
		k, _ := policed(rows, &stubProvider{}, policy)
		before := rowsOf(t, rows)
		report, list := reap(t, k, everything(), false)
		after, now := rowsOf(t, rows), time.Now()
		for name, row := range before {
			refreshable := !row.RefreshToken.IsZero() && row.State.Class != NeedsLogin && row.State.Class != InDoubt
			usable := row.Valid(now, 0)
			if after[name] == nil && (refreshable || usable && row.State.Class == "") && policy.Check(row, now) == nil {
				t.Errorf("%s was ended: %+v", name, row)
			}
		}
		if len(before)-len(after) != len(list) || report.Total() < 50 || len(after) < 50 {
			t.Errorf("ended %d of %d, told of %d", len(before)-len(after), len(before), len(list))
		}
	})
}

// TestWrongSecretForAWeekLosesNoLogin: with everything on and short limits.
func TestWrongSecretForAWeekLosesNoLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		wrong := true
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			if wrong {
				return nil, &Error{Class: Misconfigured, Op: "refresh", Code: "invalid_client_secret", Reason: "the secret is wrong"}
			}
			return p.mint(), nil
		}
		row := stored(t, rows, -time.Minute)
		k, _ := policed(rows, p, Policy{IdleTimeout: 2 * day})
		if _, err := open(t, k, row.ID).Token(t.Context()); !errors.Is(err, ErrMisconfigured) {
			t.Fatal(err)
		}
		for range 7 {
			time.Sleep(day)
			report, list := reap(t, k, ReapOptions{Idle: true, DeadFor: day, InDoubtFor: day, ExpiredFor: day, UnfinishedFor: day, AllClients: true}, false)
			if report.Total() != 0 {
				t.Fatalf("a login of a misconfigured client is gone: %v", describe(list))
			}
		}
		wrong = false
		if _, err := open(t, k, row.ID).Token(t.Context()); err != nil {
			t.Errorf("the right secret does not heal it: %v", err)
		}
	})
}

// A login that is used or made while it is being ended is kept.
func TestReapKeepsWhatChangesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := savedLogin(t, rows, "ann", nil)
		time.Sleep(20 * day)
		k, _ := policed(rows, p, Policy{IdleTimeout: 10 * day})
		p.revoke = func(*Token) error {
			_, err := k.Adopt(t.Context(), &Token{UserName: "ann", DataCentre: "eu", RefreshToken: NewSecret("1000.refresh.new")})
			return err
		}
		r, err := k.Reap(t.Context(), ReapOptions{Idle: true})
		must(t, err)
		if r.Kept != 1 || r.Total() != 0 || read(t, rows, row.ID).RefreshToken.Reveal() != "1000.refresh.new" {
			t.Errorf("report %+v", r)
		}
	})
}

// Between the list and the mark: the version that was judged is not there any more.
func TestReapJudgesTheRowThatItDeletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := savedLogin(t, rows, "ann", func(r *Token) {
			r.State = State{Class: NeedsLogin, Reason: "dead", Since: time.Now()}
		})
		time.Sleep(20 * day)
		other := New(rows, &stubProvider{}, nil)
		done := false
		store := &faultyStore{TokenStore: rows, onSave: func(in *Token) error {
			if in.Claim.Held() && !done { // the mark
				done = true
				_, err := other.Adopt(t.Context(), &Token{UserName: "ann", DataCentre: "eu", RefreshToken: NewSecret("1000.refresh.new")})
				return err
			}
			return nil
		}}
		r, err := New(store, &stubProvider{}, nil).Reap(t.Context(), ReapOptions{DeadFor: day})
		must(t, err)
		if !done || r.Total() != 0 || read(t, rows, row.ID).RefreshToken.Reveal() != "1000.refresh.new" {
			t.Errorf("report %+v", r)
		}
	})
}

// A refresh token that a login in use holds too is not revoked.
func TestReapSparesASharedRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		shared := NewSecret("1000.refresh.shared")
		savedLogin(t, rows, "ann", func(r *Token) { r.RefreshToken = shared })
		time.Sleep(20 * day)
		used := savedLogin(t, rows, "bob", func(r *Token) { r.RefreshToken = shared })
		k, _ := policed(rows, p, Policy{IdleTimeout: 10 * day})
		if r, _ := reap(t, k, ReapOptions{Idle: true}, false); r.Total() != 1 || len(p.revoked) != 0 || read(t, rows, used.ID) == nil {
			t.Errorf("report %+v, revoked %v", r, p.revoked)
		}
	})
}

// A dead login whose new token waits in memory is not dead.
func TestReapSparesWhatWaitsForASave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, -time.Minute)
		k, _ := policed(rows, &stubProvider{}, Policy{})
		s := open(t, k, row.ID)
		row.State = State{Class: NeedsLogin, Reason: "dead", Since: time.Now()}
		must(t, rows.SaveToken(t.Context(), row))
		k.keep(s.st, &minted{token: &Token{AccessToken: NewSecret("1000.access.9")}, asked: row.Clone(), at: time.Now()})
		time.Sleep(20 * day)
		if r, _ := reap(t, k, ReapOptions{DeadFor: day}, false); r.Total() != 0 {
			t.Errorf("report %+v", r)
		}
	})
}

func TestReapPrunesTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		for i := range 5 {
			must(t, rows.AppendEvents(t.Context(), []Event{{Kind: Refreshed, TokenID: fmt.Sprint(i), Time: time.Now()}}))
			time.Sleep(day)
		}
		k, _ := policed(rows, &stubProvider{}, Policy{})
		o := ReapOptions{HistoryFor: 3*day + time.Hour}
		if r, _ := reap(t, k, o, true); r.Events != 2 {
			t.Errorf("a dry run would remove %d events, want 2", r.Events)
		}
		if r, _ := reap(t, k, o, false); r.Events != 2 {
			t.Errorf("%d events were removed, want 2", r.Events)
		}
		if r, _ := reap(t, k, o, false); r.Events != 0 {
			t.Errorf("%d events were removed again", r.Events)
		}
	})
}

func TestReapWantsALimit(t *testing.T) {
	k := New(NewMemoryStore(), &stubProvider{}, nil)
	for _, o := range []ReapOptions{{Idle: true}, {Lifetime: true}} {
		if _, err := k.Reap(t.Context(), o); !errors.Is(err, errNoLimit) {
			t.Errorf("error %v", err)
		}
	}
}
