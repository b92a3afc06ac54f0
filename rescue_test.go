package tokenkeep

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("connection refused")

func down(*Token) error { return errDown }

// rescueSetup is a store whose rows one process after the other refreshes, all
// with one journal.
type rescueSetup struct {
	store  *faultyStore
	p      *stubProvider
	dir    string
	sealer Sealer
	events []Event
}

func newRescueSetup(t *testing.T) *rescueSetup {
	t.Helper()
	return &rescueSetup{
		store: &faultyStore{TokenStore: NewMemoryStore()}, p: &stubProvider{},
		dir: filepath.Join(t.TempDir(), "journal"),
	}
}

// keeper is that of a new process.
func (s *rescueSetup) keeper() *Keeper {
	return New(s.store, s.p, &Options{
		Journal: s.dir, Sealer: s.sealer,
		OnEvent: func(_ context.Context, e Event) { s.events = append(s.events, e) },
	})
}

// lose lets a process mint a token that the store does not take, and die.
func (s *rescueSetup) lose(t *testing.T, row *Token) {
	t.Helper()
	mint := s.p.refresh
	s.p.refresh = func(ctx context.Context, n int64, r *Token) (*Token, error) {
		s.store.onSave = down
		if mint != nil {
			return mint(ctx, n, r)
		}
		return s.p.mint(), nil
	}
	_, err := open(t, s.keeper(), row.ID).Token(t.Context())
	if !errors.Is(err, ErrStoreUnavailable) || !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	s.store.onSave, s.p.refresh = nil, mint
	if n := len(s.files(t)); n != 1 {
		t.Fatalf("%d records", n)
	}
}

// loseLogin does so with a login.
func (s *rescueSetup) loseLogin(t *testing.T, g *Grant) {
	t.Helper()
	s.store.onSave = down
	if _, err := s.keeper().Login(t.Context(), g); !errors.Is(err, ErrStoreUnavailable) || !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	s.store.onSave = nil
	if n := len(s.files(t)); n != 1 {
		t.Fatalf("%d records", n)
	}
}

func (s *rescueSetup) files(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "[^.]*"))
	must(t, err)
	return names
}

func (s *rescueSetup) recover(t *testing.T, want RecoverReport) {
	t.Helper()
	got, err := s.keeper().Recover(t.Context())
	if err != nil || got != want {
		t.Errorf("Recover() = %+v, %v, want %+v", got, err, want)
	}
}

func (s *rescueSetup) rows(t *testing.T) int {
	t.Helper()
	n := 0
	for _, err := range s.store.GetTokens(t.Context()) {
		must(t, err)
		n++
	}
	return n
}

// told returns how often an event of kind was told.
func (s *rescueSetup) told(kind EventKind) int {
	n := 0
	for _, e := range s.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func TestRecoverSavesWhatADeadProcessMinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		s.lose(t, row)
		s.recover(t, RecoverReport{Merged: 1})
		got := read(t, s.store, row.ID)
		if got.AccessToken.Reveal() != "1000.access.1" || got.RefreshToken.Reveal() != "1000.refresh.0" || got.Claim.Held() {
			t.Errorf("row %+v", got)
		}
		if len(s.files(t)) != 0 || s.told(Rescued) != 1 || s.told(Refreshed) != 0 {
			t.Errorf("left %v, events %v", s.files(t), s.events)
		}
		s.recover(t, RecoverReport{})
		tok, err := open(t, s.keeper(), row.ID).Token(t.Context())
		if err != nil || tok.Reveal() != "1000.access.1" || s.p.refreshes.Load() != 1 {
			t.Errorf("%q, %v, %d requests", tok.Reveal(), err, s.p.refreshes.Load())
		}
	})
}

// A flight needs no Recover: it looks before it asks.
func TestFlightUsesTheJournalInsteadOfMinting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		s.lose(t, row)
		tok, err := open(t, s.keeper(), row.ID).Token(t.Context())
		if err != nil || tok.Reveal() != "1000.access.1" || s.p.refreshes.Load() != 1 {
			t.Errorf("%q, %v, %d requests", tok.Reveal(), err, s.p.refreshes.Load())
		}
		if len(s.files(t)) != 0 || s.told(Rescued) != 1 {
			t.Errorf("left %v, events %v", s.files(t), s.events)
		}
	})
}

func TestTheSameProcessEmptiesTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		k := s.keeper()
		session := unsavedIn(t, k, s.store, s.p, row)
		tok, err := session.Token(t.Context())
		if err != nil || tok.Reveal() != "1000.access.1" || len(s.files(t)) != 0 {
			t.Errorf("%q, %v, left %v", tok.Reveal(), err, s.files(t))
		}
	})
}

// A kill in the middle of the attempts to save finds the record written.
func TestJournalIsWrittenBeforeTheStoreIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		onSave func(ctx context.Context) error
		within time.Duration
	}{
		"refuses": {func(context.Context) error { return errDown }, time.Millisecond},
		"hangs":   {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newRescueSetup(t)
			row := stored(t, s.store, -time.Minute)
			slow := &hookedStore{TokenStore: s.store}
			s.p.refresh = func(context.Context, int64, *Token) (*Token, error) {
				slow.onSave = c.onSave
				return s.p.mint(), nil
			}
			k := New(slow, s.p, &Options{Journal: s.dir})
			session := open(t, k, row.ID)
			go func() { _, _ = session.Token(t.Context()) }()
			time.Sleep(c.within)
			if n := len(s.files(t)); n != 1 {
				t.Errorf("%s: %d records after %v", name, n, c.within)
			}
			time.Sleep(time.Minute)
		})
	}
}

// hookedStore gives a test the ctx of a save too.
type hookedStore struct {
	TokenStore
	onSave func(ctx context.Context) error
}

func (s *hookedStore) SaveToken(ctx context.Context, t *Token) error {
	if s.onSave != nil {
		if err := s.onSave(ctx); err != nil {
			return err
		}
	}
	return s.TokenStore.SaveToken(ctx, t)
}

// A short failure leaves nothing behind.
func TestJournalIsEmptyAfterASaveThatWorkedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		failures := 3
		s.p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			s.store.onSave = func(*Token) error {
				if failures--; failures >= 0 {
					return errDown
				}
				return nil
			}
			return s.p.mint(), nil
		}
		_, err := open(t, s.keeper(), row.ID).Token(t.Context())
		must(t, err)
		if len(s.files(t)) != 0 || s.told(Refreshed) != 1 || s.told(Unsaved) != 0 {
			t.Errorf("left %v, events %v", s.files(t), s.events)
		}
	})
}

// What the row became meanwhile decides about the record.
func TestOlderNeverReplacesNewer(t *testing.T) {
	for name, c := range map[string]struct {
		change func(row *Token)
		wait   time.Duration
		want   RecoverReport
	}{
		"newer login":         {func(r *Token) { r.RefreshToken = NewSecret("1000.refresh.new") }, 0, RecoverReport{Dropped: 1}},
		"newer access token":  {func(r *Token) { r.AccessToken = NewSecret("1000.access.new") }, 0, RecoverReport{Dropped: 1}},
		"saved already":       {func(r *Token) { r.AccessToken = NewSecret("1000.access.1") }, 0, RecoverReport{Merged: 1}},
		"login ended":         {func(r *Token) { r.State.Class = NeedsLogin }, 0, RecoverReport{Dropped: 1}},
		"expired":             {func(*Token) {}, 2 * time.Hour, RecoverReport{Dropped: 1}},
		"renamed":             {func(r *Token) { r.UserName = "renamed" }, 0, RecoverReport{Merged: 1}},
		"throttled meanwhile": {func(r *Token) { r.State.Class = Throttled }, 0, RecoverReport{Merged: 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newRescueSetup(t)
			row := stored(t, s.store, -time.Minute)
			s.lose(t, row)
			time.Sleep(c.wait)
			r := read(t, s.store, row.ID)
			c.change(r)
			must(t, s.store.SaveToken(t.Context(), r))
			s.recover(t, c.want)
			got := read(t, s.store, row.ID)
			if c.want.Dropped == 1 && (got.Version != r.Version || !got.AccessToken.Equal(r.AccessToken)) {
				t.Errorf("%s: the row was changed", name)
			}
			if c.want.Merged == 1 && got.AccessToken.Reveal() != "1000.access.1" {
				t.Errorf("%s: the token is not there", name)
			}
			if got.UserName != r.UserName || len(s.files(t)) != 0 {
				t.Errorf("%s: name %q, left %v", name, got.UserName, s.files(t))
			}
		})
	}
}

// A refresh by another process, which has claimed the row, is not disturbed.
func TestRecoverLeavesAForeignClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		s.lose(t, row)
		r := read(t, s.store, row.ID)
		r.Claim = Claim{Owner: "other:1:ABCDEFGH:ABCDEF", Since: time.Now()}
		must(t, s.store.SaveToken(t.Context(), r))
		got, err := s.keeper().Recover(t.Context())
		if got != (RecoverReport{Left: 1}) || !errors.Is(err, errClaimed) {
			t.Errorf("%+v, %v", got, err)
		}
		if tok, err := open(t, s.keeper(), row.ID).Token(t.Context()); err != nil || tok.Reveal() != "1000.access.1" {
			t.Errorf("after the claim stood still: %q, %v", tok.Reveal(), err)
		}
	})
}

func TestRecordOfADeletedRowIsDroppedAndRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		s.lose(t, row)
		must(t, s.store.DeleteToken(t.Context(), row.ID))
		s.recover(t, RecoverReport{Dropped: 1})
		if s.rows(t) != 0 || len(s.files(t)) != 0 {
			t.Errorf("%d rows, left %v", s.rows(t), s.files(t))
		}
		if !slices.Equal(s.p.revoked, []string{"|1000.access.1"}) {
			t.Errorf("revoked %q", s.p.revoked)
		}
	})
}

func TestDeleteEndsTheRecordOfTheOwnFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		k := s.keeper()
		unsavedIn(t, k, s.store, s.p, row)
		must(t, k.Delete(t.Context(), row.ID))
		if len(s.files(t)) != 0 {
			t.Errorf("left %v", s.files(t))
		}
	})
}

// A strict rotator's successor is saved hours later, though the row says in doubt,
// and the spent refresh token is never sent again.
func TestSuccessorSurvivesInTheJournal(t *testing.T) {
	for _, how := range []string{"recover", "flight"} {
		synctest.Test(t, func(t *testing.T) {
			s := newRescueSetup(t)
			s.p.limits.Rotation = RotationStrict
			var spent []string
			s.p.refresh = func(_ context.Context, _ int64, r *Token) (*Token, error) {
				spent = append(spent, r.RefreshToken.Reveal())
				m := s.p.mint()
				m.RefreshToken = NewSecret(r.RefreshToken.Reveal() + "+")
				return m, nil
			}
			row := stored(t, s.store, -time.Minute)
			s.lose(t, row)
			time.Sleep(3 * time.Hour)
			if how == "recover" {
				r := read(t, s.store, row.ID)
				r.State, r.Claim = State{Class: InDoubt}, Claim{}
				must(t, s.store.SaveToken(t.Context(), r))
				s.recover(t, RecoverReport{Merged: 1})
				if got := read(t, s.store, row.ID); got.RefreshToken.Reveal() != "1000.refresh.0+" || got.State != (State{}) {
					t.Errorf("row %+v", got)
				}
			}
			_, err := open(t, s.keeper(), row.ID).TokenFor(t.Context(), time.Minute)
			must(t, err)
			if !slices.Equal(spent, []string{"1000.refresh.0", "1000.refresh.0+"}) || len(s.files(t)) != 0 {
				t.Errorf("%s: spent %q, left %v", how, spent, s.files(t))
			}
		})
	}
}

// With a strict rotator a journal that cannot be read is a reason not to ask.
func TestUnreadableJournalSendsNoSpentToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.p.limits.Rotation = RotationStrict
		s.sealer = xorSealer{7}
		row := stored(t, s.store, -time.Minute)
		s.lose(t, row)
		s.sealer = nil
		_, err := open(t, s.keeper(), row.ID).Token(t.Context())
		if !errors.Is(err, ErrRetryLater) || s.p.refreshes.Load() != 1 || len(s.files(t)) != 1 {
			t.Errorf("%v, %d requests, left %v", err, s.p.refreshes.Load(), s.files(t))
		}
		if got := read(t, s.store, row.ID); got.State != (State{}) {
			t.Errorf("state %+v", got.State)
		}
	})
}

// xorSealer is a cipher for tests: it hides, checks its key and binds aad.
type xorSealer struct{ key byte }

func (x xorSealer) crypt(b []byte) []byte {
	out := slices.Clone(b)
	for i := range out {
		out[i] ^= x.key
	}
	return out
}

func (x xorSealer) Seal(plain, aad []byte) ([]byte, error) {
	return x.crypt(append(append([]byte{}, aad...), plain...)), nil
}

func (x xorSealer) Open(sealed, aad []byte) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(x.crypt(sealed)), string(aad))
	if !ok {
		return nil, errors.New("wrong key")
	}
	return []byte(plain), nil
}

// The store's error stays the cause, whatever becomes of the journal.
func TestJournalThatCannotBeWrittenIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		must(t, os.WriteFile(s.dir, nil, 0o600)) // a file where the folder should be
		row := stored(t, s.store, -time.Minute)
		s.p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			s.store.onSave = down
			return s.p.mint(), nil
		}
		session := open(t, s.keeper(), row.ID)
		_, err := session.Token(t.Context())
		if !errors.Is(err, ErrStoreUnavailable) || !errors.Is(err, errDown) || !strings.Contains(err.Error(), "rescue journal: ") {
			t.Errorf("the error is %v", err)
		}
		last := s.events[len(s.events)-1]
		if last.Kind != Unsaved || last.Journaled || !strings.Contains(last.Reason, "rescue journal: ") {
			t.Errorf("the event is %+v", last)
		}
		s.store.onSave = nil // memory still has it
		if tok, err := session.Token(t.Context()); err != nil || tok.Reveal() != "1000.access.1" || s.p.refreshes.Load() != 1 {
			t.Errorf("%q, %v", tok.Reveal(), err)
		}
	})
}

// A folder that becomes writable in time is used.
func TestJournalIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		must(t, os.WriteFile(s.dir, nil, 0o600)) // a file where the folder should be
		row := stored(t, s.store, -time.Minute)
		s.p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			s.store.onSave = down
			return s.p.mint(), nil
		}
		time.AfterFunc(time.Second, func() { _ = os.Remove(s.dir) })
		_, err := open(t, s.keeper(), row.ID).Token(t.Context())
		if !errors.Is(err, ErrStoreUnavailable) || len(s.files(t)) != 1 || !s.events[len(s.events)-1].Journaled {
			t.Errorf("%v, left %v", err, s.files(t))
		}
	})
}

func TestJournaledIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.lose(t, stored(t, s.store, -time.Minute))
		last := s.events[len(s.events)-1]
		if last.Kind != Unsaved || !last.Journaled || !strings.Contains(last.LogValue().String(), "journaled=true") {
			t.Errorf("the event is %+v", last)
		}
	})
}

func TestCloseTriesOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		k := s.keeper()
		unsavedIn(t, k, s.store, s.p, row)
		must(t, k.Close())
		if read(t, s.store, row.ID).AccessToken.Reveal() != "1000.access.1" || len(s.files(t)) != 0 {
			t.Errorf("left %v", s.files(t))
		}
		if _, err := k.Recover(t.Context()); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

func TestPanicOfASealerIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.sealer = panickySealer{}
		row := stored(t, s.store, -time.Minute)
		s.p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			s.store.onSave = down
			return s.p.mint(), nil
		}
		if _, err := open(t, s.keeper(), row.ID).Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) || len(s.files(t)) != 0 {
			t.Errorf("%v, left %v", err, s.files(t))
		}
	})
}

type panickySealer struct{ Sealer }

func (panickySealer) Seal([]byte, []byte) ([]byte, error) { panic("no key") }

// No secret is in logs, events, errors and listings, nor in the folder if there is
// a Sealer, whatever the store says.
func TestJournalTellsNoSecret(t *testing.T) {
	for _, sealer := range []Sealer{nil, xorSealer{9}} {
		synctest.Test(t, func(t *testing.T) {
			var told strings.Builder
			s := newRescueSetup(t)
			row := stored(t, s.store, -time.Minute)
			k := New(s.store, s.p, &Options{Journal: s.dir, Sealer: sealer, Logger: slog.New(slog.NewTextHandler(&told, nil))})
			chatty := func(t *Token) error {
				return errors.New(t.AccessToken.Reveal() + t.RefreshToken.Reveal() + t.GrantToken.Reveal() + " refused")
			}
			s.p.refresh = func(context.Context, int64, *Token) (*Token, error) {
				s.store.onSave = chatty
				return s.p.mint(), nil
			}
			_, _ = open(t, k, row.ID).Token(t.Context())
			_, _ = k.Login(t.Context(), &Grant{Code: NewSecret("1000.code"), UserName: "u"})
			entries := 0
			for e, err := range k.Journal(t.Context()) {
				must(t, err)
				if e.Why == "" || e.Owner == "" || e.Time.IsZero() || e.ClientID != "1000.CLIENT" || e.UserName == "" {
					t.Errorf("entry %+v", e)
				}
				told.WriteString(e.Why + e.Name)
				entries++
			}
			if entries != 2 {
				t.Errorf("%d entries", entries)
			}
			s.store.onSave = nil
			must(t, s.store.DeleteToken(t.Context(), row.ID))
			if sealer != nil {
				for _, f := range s.files(t) {
					content, err := os.ReadFile(f)
					must(t, err)
					told.Write(content)
				}
			}
			_, err := k.Recover(t.Context())
			must(t, err)
			for _, secret := range []string{"1000.access", "1000.refresh", "1000.code"} {
				if strings.Contains(told.String(), secret) {
					t.Errorf("sealer %v: %q is in %s", sealer, secret, told.String())
				}
			}
		})
	}
}

// A sealed record opens under its own name only, and is not lost for want of the
// key.
func TestSealedRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.sealer = xorSealer{7}
		row := stored(t, s.store, -time.Minute)
		s.lose(t, row)
		for _, wrong := range []Sealer{nil, xorSealer{8}} {
			s.sealer = wrong
			if got, err := s.keeper().Recover(t.Context()); err == nil || got != (RecoverReport{Left: 1}) {
				t.Errorf("with %v: %+v, %v", wrong, got, err)
			}
			for e, err := range s.keeper().Journal(t.Context()) {
				if err == nil || e.Name == "" {
					t.Errorf("with %v: entry %+v, %v", wrong, e, err)
				}
			}
		}
		s.sealer = xorSealer{7}
		path := s.files(t)[0]
		moved := filepath.Join(s.dir, "refresh-0-moved.rec")
		must(t, os.Rename(path, moved))
		if got, err := s.keeper().Recover(t.Context()); err == nil || got.Left != 1 {
			t.Errorf("under another name: %+v, %v", got, err)
		}
		must(t, os.Rename(moved, path))
		s.recover(t, RecoverReport{Merged: 1})
	})
}

// A torn record is set aside and told of; the others are merged.
func TestDamagedRecordIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		s.lose(t, row)
		whole, err := os.ReadFile(s.files(t)[0])
		must(t, err)
		must(t, os.WriteFile(filepath.Join(s.dir, "refresh-0-torn.rec"), whole[:len(whole)/2], 0o600))
		must(t, os.WriteFile(filepath.Join(s.dir, "login-0-empty.rec"), nil, 0o600))
		must(t, os.WriteFile(filepath.Join(s.dir, "notes.txt"), nil, 0o600)) // nobody's business
		s.recover(t, RecoverReport{Merged: 1, Damaged: 2})
		damaged := 0
		for e, err := range s.keeper().Journal(t.Context()) {
			must(t, err)
			if e.Kind == RescuedDamaged && strings.HasSuffix(e.Name, ".bad") {
				damaged++
			}
		}
		if damaged != 2 || len(s.files(t)) != 3 {
			t.Errorf("%d listed, left %v", damaged, s.files(t))
		}
		s.recover(t, RecoverReport{})
	})
}

// A flight that meets a torn record of its row goes on.
func TestDamagedRecordStopsNoFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		s.lose(t, row)
		must(t, os.Truncate(s.files(t)[0], 100))
		tok, err := open(t, s.keeper(), row.ID).Token(t.Context())
		if err != nil || tok.Reveal() != "1000.access.2" || !strings.HasSuffix(s.files(t)[0], ".bad") {
			t.Errorf("%q, %v, left %v", tok.Reveal(), err, s.files(t))
		}
	})
}

// The token in a record is never one that the caller wants replaced.
func TestJournalGivesNoRefusedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		row := stored(t, s.store, -time.Minute)
		s.lose(t, row)
		record := s.files(t)[0]
		content, err := os.ReadFile(record)
		must(t, err)
		s.recover(t, RecoverReport{Merged: 1})
		must(t, os.WriteFile(record, content, 0o600)) // a crash right before it was removed
		session := open(t, s.keeper(), row.ID)
		tok, err := session.Token(t.Context())
		must(t, err)
		session.Invalidate(t.Context(), tok)
		if tok, err = session.Token(t.Context()); err != nil || tok.Reveal() != "1000.access.2" {
			t.Errorf("%q, %v", tok.Reveal(), err)
		}
	})
}
