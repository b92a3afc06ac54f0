package tokenkeep

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"
)

// simGivesUp is when a call without a deadline ends that nobody answers.
const simGivesUp = 20 * time.Second

var errSimStore = errors.New("sim: connection reset by the store")

// A simStore is the store that all processes share, with its whole history.
type simStore struct {
	w       *simWorld
	mu      sync.Mutex // makes a write and its entry in the history one; never held across a wait
	rows    *MemoryStore
	history map[string]*simRow
	given   map[[2]string]bool // every row and access token that were ever stored together
	marks   map[string]bool    // refresh tokens that were to be ended
	gap     map[string]bool    // whether a deleted one was saved after the last look at it
	logins  map[string]int     // refresh tokens whose login runs at this moment
	claims  chan string        // rows that somebody claims, for who wants to come in between
}

func newSimStore(w *simWorld) *simStore {
	return &simStore{
		w: w, rows: NewMemoryStore(), history: map[string]*simRow{},
		given: map[[2]string]bool{}, logins: map[string]int{}, marks: map[string]bool{}, gap: map[string]bool{}, claims: make(chan string),
	}
}

// now returns the row as it is, or nil, for a caller that holds mu.
func (s *simStore) now(id string) *Token { return s.rows.rows[id] }

// save writes a row for a life.
func (s *simStore) save(ctx context.Context, l *simLife, t *Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := t.Version
	prev := s.now(t.ID)
	if asked == 0 {
		prev, _ = s.rows.meant(t)
	}
	err := s.rows.SaveToken(context.Background(), t)
	switch {
	case err == nil:
		if next := s.now(t.ID); isMark(next) && next.Claim.Owner != prev.Claim.Owner {
			s.checkMark(ctx, l, prev, next)
		} else if prev != nil && isMark(prev) && !isMark(next) {
			delete(s.marks, prev.RefreshToken.Reveal()) // taken back
		}
		s.written(l, prev, s.now(t.ID), asked)
	case errors.Is(err, ErrConflict) && prev != nil && prev.Version == asked:
		s.w.violated("(f) a save of the current version %d of %s conflicts", asked, t.ID)
	}
	return err
}

// delete removes a row for a life.
func (s *simStore) delete(ctx context.Context, l *simLife, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkDelete(ctx, l, s.now(id))
	err := s.rows.DeleteToken(context.Background(), id)
	if err == nil {
		s.history[id].deleted = true
		s.w.note(l.name, "deletes %s", id)
	}
	return err
}

func (s *simStore) isDeleted(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.history[id]
	return h == nil || h.deleted
}

// all returns every row.
func (s *simStore) all() []*Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows.sorted()
}

// rowOf returns the row with the user's name, or nil.
func (s *simStore) rowOf(user string) *Token {
	for _, row := range s.all() {
		if row.UserName == user {
			return row
		}
	}
	return nil
}

// holds returns that of the refresh tokens which a row has, or "".
func (s *simStore) holds(rts ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows.rows {
		if rt := row.RefreshToken.Reveal(); slices.Contains(rts, rt) {
			return rt
		}
	}
	return ""
}

// isMarked reports whether one of the refresh tokens is to be ended.
func (s *simStore) isMarked(rts ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(rts, func(rt string) bool { return s.marks[rt] })
}

// claimed tells that a row is claimed to one who waits for that, if there is one.
func (s *simStore) claimed(id string) {
	select {
	case s.claims <- id:
	default:
	}
}

// nameOf returns the name of the row, or "".
func (s *simStore) nameOf(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row := s.now(id); row != nil {
		return row.UserName
	}
	return ""
}

// bornAt returns when the newest login was made that the row had, and when it was
// misconfigured last, which is no idleness.
func (s *simStore) bornAt(id string) (born, fixed time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.history[id]; h != nil {
		born, fixed = h.born, h.fixed
	}
	return born, fixed
}

// login tells that the login with this refresh token begins (1) or is over (-1).
func (s *simStore) login(rt string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins[rt] += n
}

// simRest is the part of a store that the Keeper makes no use of here.
type simRest interface {
	DeleteTokens(ctx context.Context) error
}

func (s *simStore) DeleteTokens(context.Context) error { panic("not used") }

// A simStoreClient is the store as one process reaches it.
type simStoreClient struct {
	simRest
	l *simLife
}

// FindToken implements [TokenStore].
func (c simStoreClient) FindToken(ctx context.Context, partial *Token) (t *Token, err error) {
	err = c.call(ctx, "find", false, func() error {
		t, err = c.l.w.store.rows.FindToken(context.Background(), partial)
		return err
	})
	return answered(t, err)
}

// FindTokenByID implements [TokenStore].
func (c simStoreClient) FindTokenByID(ctx context.Context, id string) (t *Token, err error) {
	err = c.call(ctx, "read "+id, false, func() error {
		t, err = c.l.w.store.rows.FindTokenByID(context.Background(), id)
		return err
	})
	if err == nil {
		looked(ctx, t)
	}
	return answered(t, err)
}

func answered(t *Token, err error) (*Token, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

// SaveToken implements [TokenStore].
func (c simStoreClient) SaveToken(ctx context.Context, t *Token) error {
	row := t.Clone()
	if err := c.call(ctx, "save "+t.ID, t.Version > 0, func() error { return c.l.w.store.save(ctx, c.l, row) }); err != nil {
		return err
	}
	t.ID, t.Version = row.ID, row.Version
	return nil
}

// DeleteToken implements [TokenStore].
func (c simStoreClient) DeleteToken(ctx context.Context, id string) error {
	c.l.ends(id)
	return c.call(ctx, "delete "+id, false, func() error { return c.l.w.store.delete(ctx, c.l, id) })
}

// GetTokens implements [TokenStore].
func (c simStoreClient) GetTokens(ctx context.Context) iter.Seq2[*Token, error] {
	return func(yield func(*Token, error) bool) {
		for _, row := range c.l.w.store.all() {
			if err := c.call(ctx, "list", false, func() error { return nil }); err != nil {
				yield(nil, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// Ping implements [Pinger].
func (c simStoreClient) Ping(ctx context.Context) error {
	return c.call(ctx, "ping", false, func() error { return nil })
}

// call lets what can happen happen to one call. late says that it may arrive long
// after its caller has left, as it may at a database: not so an upsert, which would
// bring back what was deleted, whatever a Keeper does.
func (c simStoreClient) call(ctx context.Context, op string, late bool, do func() error) error {
	l := c.l
	if err := l.gate(); err != nil {
		return err
	}
	l.strike(ctx, op)
	h := l.fault(&l.w.plan.store)
	if h.fault != simNone {
		l.w.upset(l.name, "%s: the store's fault %v", op, h.fault)
	}
	err := c.reach(ctx, h)
	if err != nil {
		if late && h.arrives && (h.fault != simRefused || ctx.Err() != nil) {
			l.w.note(l.name, "%s is still on its way", op)
			go arrive(3*h.before+h.after, do)
		}
		return err
	}
	err = do()
	if cut := sleepFor(ctx, h.after); cut != nil || h.fault == simLost {
		l.w.upset(l.name, "%s: the answer %v is lost", op, err)
		err = errors.Join(errSimStore, cut)
	}
	if gone := l.gate(); gone != nil {
		return gone
	}
	return err
}

func arrive(after time.Duration, do func() error) {
	time.Sleep(after)
	_ = do()
}

// reach is the way to the store. It returns an error if the call does not arrive.
func (c simStoreClient) reach(ctx context.Context, h simHit) error {
	l := c.l
	if h.fault == simHang {
		ctx, cancel := context.WithTimeout(ctx, simGivesUp)
		defer cancel()
		<-ctx.Done()
		return errors.Join(errSimStore, ctx.Err())
	}
	if err := sleepFor(ctx, h.before); err != nil {
		l.w.upset(l.name, "a call of the store is cut off")
		return errors.Join(errSimStore, err)
	}
	if h.fault == simRefused {
		return errSimStore
	}
	if h.sent {
		return nil
	}
	return l.gate()
}
