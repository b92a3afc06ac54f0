package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
)

// A Store keeps tokens in Redis. It is safe for concurrent use by goroutines and
// by processes.
type Store struct {
	client  redis.UniversalClient
	owned   bool // Close closes the client
	keys    []string
	keep    int   // how many events; negative: there is no history
	invalid error // of the prefix; every operation returns it
	logger  *slog.Logger
	scripts scripts
	pace    pace

	mu     sync.RWMutex // guards closed, and running against growing after it
	closed bool
	calls  sync.WaitGroup // calls to the client
}

var (
	_ tokenkeep.TokenStore = (*Store)(nil)
	_ tokenkeep.Pinger     = (*Store)(nil)
	_ tokenkeep.Historian  = (*Store)(nil)
)

// New returns a store on client, which the caller configures and closes: a
// *redis.Client, a failover client, or a *redis.ClusterClient. It makes no request;
// call [Store.Durability] once at the start. With an unusable opts.Prefix every
// operation fails.
//
// Do not let a client read from replicas: what was saved may not be there yet.
func New(client redis.UniversalClient, opts *Options) *Store {
	if opts == nil {
		opts = &Options{}
	}
	prefix := cmp.Or(opts.Prefix, DefaultPrefix)
	s := &Store{client: client, keys: keys(prefix), keep: cmp.Or(opts.HistoryLength, DefaultHistoryLength), logger: opts.Logger, scripts: newScripts()}
	s.pace.obeyed = obeysDeadlines(client)
	if err := validPrefix(prefix); err != nil {
		s.invalid = &tokenkeep.Error{Class: tokenkeep.Misconfigured, Reason: err.Error()}
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	return s
}

// Close ends the store and, if [Open] made it, its client. It waits for calls to
// the server that run; a client of [New] bounds them by its own time-outs.
// Afterwards every operation fails with an error that wraps tokenkeep.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return nil
	}
	var err error
	if s.owned {
		err = s.client.Close()
	}
	s.calls.Wait()
	if err != nil {
		return fmt.Errorf("redis: close: %w", err)
	}
	return nil
}

// Ping implements [tokenkeep.Pinger]: it asks the server for every right that the
// other operations need, and changes no token.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.run(ctx, s.scripts.ping)
	return s.fail(ctx, "ping", err)
}

// run runs a script. The error is that of a client, or already one that callers
// can tell apart.
func (s *Store) run(ctx context.Context, script *redis.Script, args ...any) (reply, error) {
	return s.runOn(ctx, script, s.keys, args...)
}

// runOn is run with other keys, of which the first three are s.keys.
func (s *Store) runOn(ctx context.Context, script *redis.Script, keys []string, args ...any) (reply, error) {
	value, err := await(ctx, s, func(ctx context.Context) (any, error) { return script.Run(ctx, s.client, keys, args...).Result() })
	if err != nil {
		return reply{}, err
	}
	r, err := newReply(value)
	if err != nil {
		return reply{}, err
	}
	return r, r.refusal(s.keys)
}

// begin counts a call in, unless the store is closed or unusable or ctx has ended.
func (s *Store) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.invalid != nil {
		return s.invalid
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return tokenkeep.ErrClosed
	}
	s.calls.Add(1)
	return nil
}
