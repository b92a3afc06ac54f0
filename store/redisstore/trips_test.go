package redisstore_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

// A counter counts commands.
type counter struct{ n atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n.Add(100)
		return next(ctx, cmds)
	}
}

func TestRoundTrips(t *testing.T) {
	address := sharedServer(t)
	client := newClient(t, address)
	s := redisstore.New(client, &redisstore.Options{Prefix: freshPrefix(t, address)})
	ann, bob := save(t, s, login("ann")), save(t, s, login("bob"))
	listed(t, s)
	if err := s.AppendEvents(t.Context(), []tokenkeep.Event{event(0)}); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteToken(t.Context(), bob.ID); err != nil {
		t.Fatal(err)
	}
	c := &counter{}
	client.AddHook(c) // after the scripts were sent
	ctx := t.Context()
	for _, test := range []struct {
		what  string
		trips int64
		do    func() error
	}{
		{"find by user", 1, func() error { _, err := s.FindToken(ctx, &tokenkeep.Token{UserName: "ann"}); return err }},
		{"find by refresh token", 1, func() error {
			_, err := s.FindToken(ctx, &tokenkeep.Token{ClientID: ann.ClientID, RefreshToken: ann.RefreshToken, DataCentre: "eu"})
			return err
		}},
		{"find by id", 1, func() error { _, err := s.FindTokenByID(ctx, ann.ID); return err }},
		{"save of a version", 1, func() error { return s.SaveToken(ctx, ann) }},
		{"save that merges", 2, func() error { return s.SaveToken(ctx, login("ann")) }},
		{"save that inserts", 2, func() error { return s.SaveToken(ctx, login("cid")) }},
		{"list", 2, func() error { listed(t, s); return nil }},
		{"delete", 1, func() error { return s.DeleteToken(ctx, ann.ID) }},
		{"append to the history", 1, func() error { return s.AppendEvents(ctx, []tokenkeep.Event{event(1), event(2), event(3)}) }},
		{"read of the history", 1, func() error { numbers(t, s); return nil }},
		{"prune", 2, func() error { _, err := s.PruneEvents(ctx, event(3).Time); return err }},
	} {
		c.n.Store(0)
		if err := test.do(); err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		if n := c.n.Load(); n != test.trips {
			t.Errorf("%s: %d round trips, want %d", test.what, n, test.trips)
		}
	}
}
