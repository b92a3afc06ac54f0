package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"golang.org/x/sync/singleflight"

	"github.com/tokenkeep/tokenkeep/internal/journal"
)

// Options tune a [Keeper]. A nil *Options, and every zero field, is ready for
// use.
type Options struct {
	// Logger receives every event at level Info, failures at Warn. Default:
	// nothing is logged. No secret is ever logged.
	Logger *slog.Logger
	// OnEvent is told of every event. Default: nobody is.
	OnEvent EventHandler
	// OnStep is called right before each numbered step of the refresh
	// transaction (DESIGN.md), with the step's number: for crash tests and for
	// tracing. Steps 1 and 2 are the caller's and only the second is told of, on the
	// caller's goroutine; the others run on the flight's, step 9 also on one of its own. Default: nothing.
	OnStep func(ctx context.Context, step int)
	// ClientID narrows look-ups by user to one client. Default: the provider's
	// own, if it has a ClientID method.
	ClientID string
	// DataCentre narrows look-ups by user to one data centre. Default: any.
	DataCentre string
	// SoftExpiry is how long before expiry a refresh begins behind the callers'
	// backs; it is jittered by a tenth. Default 5 minutes, at most a quarter of
	// the token's life.
	SoftExpiry time.Duration
	// MinValidity is how long a token must still be good to be handed out
	// without waiting for a refresh. Default 5 seconds.
	MinValidity time.Duration
	// ClaimTime is how long a claim may stand still before another process takes
	// it over. Default 5 seconds. All processes of a store should agree.
	ClaimTime time.Duration
	// FlightTime bounds one refresh, waits included. Default 60 seconds.
	FlightTime time.Duration
	// Journal is the folder of the rescue journal: what was minted or redeemed and
	// the store does not take is written there, and saved from there when the store
	// is back, also by another process and after a crash; see [Keeper.Recover].
	// The folder is made with mode 0700, its files with 0600. Give each store a
	// folder of its own on a local disk; the processes of a host that share the
	// store share it. Default: no journal; what cannot be saved is lost with the
	// process.
	Journal string
	// Sealer encrypts the records of the journal. Default: they hold tokens in
	// clear. Records that were written without one are still read.
	Sealer Sealer
	// Policy limits how long logins last and how many a user has. Default: no limits.
	Policy Policy
	// History says which events are recorded when the store is a [Historian], for
	// [Keeper.History] and `tokenkeep why`: behind the callers' backs, which costs one
	// small write in a store for the events of a moment. Default: HistoryAll. In a
	// fleet of many processes that share users, HistoryChanges writes far less.
	History HistoryMode
	// HistoryAge is for how long events are kept at least; older ones are removed now
	// and then by those who add new ones. Default one year; negative: for ever.
	HistoryAge time.Duration
	// Base sends the API requests of [Session.Client]. Default: a clone of
	// http.DefaultTransport.
	Base http.RoundTripper
}

// Timings that users have no reason to tune.
const (
	defaultSoftExpiry  = 5 * time.Minute
	defaultMinValidity = 5 * time.Second
	defaultClaimTime   = 5 * time.Second
	defaultFlightTime  = 60 * time.Second
	defaultHistoryAge  = 365 * 24 * time.Hour
	identifyTime       = 10 * time.Second
	loginSaveTime      = 30 * time.Second
)

func (o *Options) withDefaults(p Provider) Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Base == nil {
		c.Base = defaultBase()
	}
	if c.OnStep == nil {
		c.OnStep = func(context.Context, int) {}
	}
	if app, ok := p.(interface{ ClientID() string }); ok && c.ClientID == "" {
		c.ClientID = app.ClientID()
	}
	if c.HistoryAge == 0 {
		c.HistoryAge = defaultHistoryAge
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.SoftExpiry, defaultSoftExpiry},
		{&c.MinValidity, defaultMinValidity},
		{&c.ClaimTime, defaultClaimTime},
		{&c.FlightTime, defaultFlightTime},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return c
}

func defaultBase() http.RoundTripper {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		return t.Clone()
	}
	return http.DefaultTransport
}

// A Keeper keeps logins alive: it saves tokens in a store, refreshes them in
// time, once for all goroutines and processes that share the store, and hands
// out sessions. Make one for each client app with [New], and Close it at the
// end. It is safe for concurrent use.
type Keeper struct {
	store    TokenStore
	provider Provider
	opts     Options
	start    time.Time // what monotonic readings count from
	owner    string    // names this Keeper in claims
	journal  *journal.Dir
	rescued  atomic.Int64 // records written
	deleted  deletions
	recorder *recorder

	// misconfigured is the monotonic time until which this Keeper knows from the
	// provider that its own configuration is wrong.
	misconfigured atomic.Int64

	flights singleflight.Group
	work    sync.WaitGroup // flights that run

	mu      sync.Mutex // guards what follows and work.Add; never held across a wait
	states  map[string]weak.Pointer[state]
	unsaved map[string]*state // those that wait for a save outlive their sessions
	closed  bool
}

// New returns a Keeper over store and provider. It starts nothing and touches
// neither.
func New(store TokenStore, provider Provider, opts *Options) *Keeper {
	k := &Keeper{
		store:    store,
		provider: provider,
		opts:     opts.withDefaults(provider),
		start:    time.Now(),
		owner:    newOwner(),
		states:   map[string]weak.Pointer[state]{},
		unsaved:  map[string]*state{},
	}
	if k.opts.Journal != "" {
		k.journal = journal.New(k.opts.Journal)
	}
	k.recorder = newRecorder(k)
	return k
}

// Close waits for the refreshes that run, so that what they mint is saved, and
// refuses new ones with [ErrClosed]. What this Keeper wrote into the rescue journal
// is tried once more, for a few seconds; what is left waits for the next start. Events that the history
// has not yet are added, for two seconds at most.
// Cached tokens can still be read. It does not close the store. Calling it again is
// harmless.
func (k *Keeper) Close() error {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.work.Wait()
	defer k.recorder.close()
	if k.rescued.Swap(0) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), k.opts.ClaimTime)
		defer cancel()
		k.guard(ctx, "provider, store or sealer", func() { _, _ = k.recoverAll(ctx) })
	}
	return nil
}

// Session returns the session of a user, by the exact name that the login was
// saved under ("<email>:<zgid>" when nobody chose one). It reads the store once
// and makes no request. Without such a login the error wraps [ErrNotFound].
func (k *Keeper) Session(ctx context.Context, user string) (*Session, error) {
	return k.SessionFor(ctx, &Token{UserName: user, ClientID: k.opts.ClientID, DataCentre: k.opts.DataCentre})
}

// SessionByID returns the session of the token with this id. The error wraps
// [ErrNotFound] when there is none.
func (k *Keeper) SessionByID(ctx context.Context, id string) (*Session, error) {
	deleted := k.deleted.count()
	row, err := k.look(ctx, id)
	if err != nil {
		return nil, callerError(ctx, "session", err)
	}
	return k.found(ctx, row, deleted), nil
}

// look reads a row for a caller. A row that is gone ends in memory too.
func (k *Keeper) look(ctx context.Context, id string) (*Token, error) {
	row, err := k.store.FindTokenByID(ctx, id)
	if errors.Is(err, ErrNotFound) {
		if st := k.known(id); st != nil {
			st.snap.Store(nil)
		}
	}
	return row, err
}

// SessionFor returns the session of the one token that partial means; see
// [MatchFor].
func (k *Keeper) SessionFor(ctx context.Context, partial *Token) (*Session, error) {
	deleted := k.deleted.count()
	row, err := k.store.FindToken(ctx, partial)
	if err != nil {
		return nil, callerError(ctx, "session", err)
	}
	return k.found(ctx, row, deleted), nil
}

// found is session for a row that was looked up.
func (k *Keeper) found(ctx context.Context, row *Token, deleted int64) *Session {
	if st := k.known(row.ID); st != nil && !st.isStranger(row) {
		k.notice(ctx, st, row, "")
	}
	return k.session(row, deleted)
}

// session returns a handle on row's shared state and lets it learn from row, which was
// read or saved when this Keeper had deleted so many rows. If it has deleted this one
// since, without a state then that could be ended, what the row told is forgotten, and
// the next use reads it anew.
func (k *Keeper) session(row *Token, deleted int64) *Session {
	st := k.state(row.ID)
	if st.isStranger(row) {
		k.part(st)
		st = k.state(row.ID)
	}
	st.publish(k.snapshot(row, false))
	if k.deleted.since(deleted, row.ID) {
		st.snap.Store(nil)
	}
	return &Session{keeper: k, st: st}
}

// state returns the state that all sessions of the row share. The map holds it
// weakly: it lives as long as a session or a flight does.
func (k *Keeper) state(id string) *state {
	k.mu.Lock()
	defer k.mu.Unlock()
	if st := k.states[id].Value(); st != nil {
		return st
	}
	st := &state{id: id}
	k.states[id] = weak.Make(st)
	keeper := weak.Make(k) // or k would live as long as st, which an event handler of k may hold
	runtime.AddCleanup(st, func(id string) {
		if k := keeper.Value(); k != nil {
			k.forget(id)
		}
	}, id)
	return st
}

// part ends what the sessions of a deleted login share, and leaves its id to the
// login that has it now.
func (k *Keeper) part(st *state) {
	st.gone.Store(true)
	st.snap.Store(nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.states[st.id].Value() == st {
		delete(k.states, st.id)
	}
}

// known returns the row's state if it has one.
func (k *Keeper) known(id string) *state {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.states[id].Value()
}

func (k *Keeper) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p, ok := k.states[id]; ok && p.Value() == nil {
		delete(k.states, id)
	}
}

// keep remembers what was minted for a row and could not be saved; nil forgets it.
func (k *Keeper) keep(st *state, m *minted) {
	k.mu.Lock()
	defer k.mu.Unlock()
	st.unsaved.Store(m)
	if m == nil {
		delete(k.unsaved, st.id)
		return
	}
	k.unsaved[st.id] = st
}

// begin registers a piece of work that Close waits for.
func (k *Keeper) begin() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return fmt.Errorf("tokenkeep: the Keeper is %w", ErrClosed)
	}
	k.work.Add(1)
	return nil
}

// clock returns nanoseconds of the monotonic clock since the Keeper began.
func (k *Keeper) clock() int64 { return int64(time.Since(k.start)) }

// callerError is storeError for an operation that is bounded by the caller's own
// ctx: that its time is over is no failure of the store.
func callerError(ctx context.Context, op string, err error) error {
	switch {
	case ctx.Err() == nil:
		return storeError(op, err)
	case errors.Is(err, ctx.Err()) || isAnswer(err):
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s: %w: %w", op, ctx.Err(), err) // a driver has its own words for it
}

// storeError gives an error of the store its class, unless it is an answer about
// the caller's question.
func storeError(op string, err error) error {
	if isAnswer(err) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return &Error{
		Class: StoreUnavailable, Op: op, Err: err,
		Hint: "check that the store can be reached, read and written (`tokenkeep doctor`); no login was changed",
	}
}
