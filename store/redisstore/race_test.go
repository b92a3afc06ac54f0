package redisstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

// An intruder does something once, between the reading and the writing of a save
// without a version.
type intruder struct {
	counter
	once sync.Once
	do   func()
}

func (x *intruder) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if x.n.Add(1) == 2 {
			x.once.Do(x.do)
		}
		return next(ctx, cmd)
	}
}

// Whatever comes in between, a user has one row of a client, an ambiguous save
// changes nothing, and no save is lost.
func TestIntruder(t *testing.T) {
	here := func(user, client string) *tokenkeep.Token {
		t := login(user)
		t.ClientID = client
		return t
	}
	for _, test := range []struct {
		what        string
		before      func(p *place)
		between     func(p *place)
		save        *tokenkeep.Token
		want        error
		rows        int
		lastVersion int64
	}{
		{"insert, insert", nil, func(p *place) { save(t, p, login("ann")) }, login("ann"), nil, 1, 2},
		{
			"merge, merge", func(p *place) { save(t, p, login("ann")) },
			func(p *place) { save(t, p, &tokenkeep.Token{UserName: "ann", GrantToken: tokenkeep.NewSecret("g")}) }, login("ann"), nil, 1, 3,
		},
		{"merge, delete", func(p *place) { save(t, p, login("ann")) }, func(p *place) {
			if err := p.DeleteTokens(t.Context()); err != nil {
				t.Error(err)
			}
		}, login("ann"), nil, 1, 1},
		{
			"merge, a second row that fits", func(p *place) { save(t, p, here("ann", "c1")) }, func(p *place) { save(t, p, here("ann", "c2")) },
			&tokenkeep.Token{UserName: "ann", AccessToken: tokenkeep.NewSecret("x")}, tokenkeep.ErrAmbiguous, 2, 1,
		},
	} {
		p := newPlace(t)
		if test.before != nil {
			test.before(p)
		}
		client := newClient(t, sharedServer(t))
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		client.AddHook(&intruder{do: func() { test.between(p) }})
		in := test.save.Clone()
		if err := redisstore.New(client, &redisstore.Options{Prefix: p.prefix}).SaveToken(t.Context(), in); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.what, err)
		}
		rows := listed(t, p)
		if len(rows) != test.rows || rows[len(rows)-1].Version != test.lastVersion {
			t.Errorf("%s: %d rows, want %d; the last has version %d, want %d", test.what, len(rows), test.rows, rows[len(rows)-1].Version, test.lastVersion)
		}
	}
}
