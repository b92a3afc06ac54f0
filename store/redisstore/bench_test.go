package redisstore_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/bench"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

// The benchmarks do each operation through the store and by a bare command of the
// same client on the same server, in turns: HGETALL and HSET of a hash with the same
// fields, and the smallest scripts that look up by a second key or compare a version.
//
// REDISSTORE_BENCH_ROWS=1000000 runs them on as many tokens; the default is 1,000.

// A rig is a filled store beside bare hashes of the same content.
type rig struct {
	*place
	rows int
}

func newRig(b *testing.B) *rig {
	b.Helper()
	x := &rig{place: placeAt(b, startServer(b).url()), rows: 1000}
	if v := os.Getenv("REDISSTORE_BENCH_ROWS"); v != "" {
		var err error
		if x.rows, err = strconv.Atoi(v); err != nil {
			b.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	const workers = 16
	for w := range workers {
		wg.Go(func() {
			for i := w; i < x.rows; i += workers {
				save(b, x, stored(i))
			}
		})
	}
	wg.Wait()
	for i := range min(x.rows, 1000) { // the bare side is spared the large number
		if err := x.bare(b.Context(), i); err != nil {
			b.Fatal(err)
		}
	}
	return x
}

func user(i int) string { return fmt.Sprintf("user%07d@example.com:20093837443", i) }

// stored is what a login keeps after it: no grant token.
func stored(i int) *tokenkeep.Token {
	t := login(user(i))
	t.GrantToken = tokenkeep.Secret{}
	return t
}

// bareFields are the fields of a login as arguments of HSET.
func bareFields(i int) []any {
	t := stored(i)
	return []any{
		"version", 1, "user_name", t.UserName, "client_id", t.ClientID, "refresh_token", t.RefreshToken.Reveal(),
		"access_token", t.AccessToken.Reveal(), "expiry", t.Expiry.UnixMilli(), "api_domain", t.APIDomain,
		"accounts_server", t.AccountsServer, "data_centre", t.DataCentre, "scope", t.Scopes[0],
		"created", t.Expiry.UnixMilli(), "updated", t.Expiry.UnixMilli(),
	}
}

func bareKey(i int) string { return fmt.Sprintf("{bare}:%07d", i%1000) }

func (x *rig) bare(ctx context.Context, i int) error {
	if err := x.client.Set(ctx, "{bare}:user:"+user(i%1000), bareKey(i), 0).Err(); err != nil {
		return err
	}
	return x.client.HSet(ctx, bareKey(i), bareFields(i)...).Err()
}

// side runs do for rows all over the store.
func (x *rig) side(b *testing.B, name string, do func(ctx context.Context, i int) error) bench.Side {
	b.Helper()
	// The contexts of servers can end; the test's own would do for that, too.
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(cancel)
	return bench.Side{Name: name, Run: func(n int) {
		i := 0
		for range n {
			i = (i + 7919) % x.rows
			if err := do(ctx, i); err != nil {
				b.Error(err)
				return
			}
		}
	}}
}

func (x *rig) hgetall(b *testing.B) bench.Side {
	b.Helper()
	return x.side(b, "hgetall", func(ctx context.Context, i int) error { return x.client.HGetAll(ctx, bareKey(i)).Err() })
}

func (x *rig) findByID(ctx context.Context, i int) error {
	_, err := x.FindTokenByID(ctx, strconv.Itoa(1_000_000_000+i))
	return err
}

func (x *rig) findByUser(ctx context.Context, i int) error {
	_, err := x.FindToken(ctx, &tokenkeep.Token{UserName: user(i)})
	return err
}

func BenchmarkFindByID(b *testing.B) {
	x := newRig(b)
	bench.Pair(b, x.hgetall(b), x.side(b, "store", x.findByID), 1)
}

func BenchmarkFindByIDParallel(b *testing.B) {
	x := newRig(b)
	bench.Pair(b, x.hgetall(b), x.side(b, "store", x.findByID), runtime.GOMAXPROCS(0))
}

func BenchmarkFindByUser(b *testing.B) {
	x := newRig(b)
	bench.Pair(b, x.hgetall(b), x.side(b, "store", x.findByUser), 1)
}

func BenchmarkFindByUserScript(b *testing.B) {
	x := newRig(b)
	script := redis.NewScript(`return redis.call('HGETALL', redis.call('GET', KEYS[1]))`)
	x.race(b, "script", func(ctx context.Context, i int) error {
		return script.Run(ctx, x.client, []string{"{bare}:user:" + user(i%1000)}).Err()
	}, x.findByUser)
}

func (x *rig) race(b *testing.B, name string, peer, ours func(ctx context.Context, i int) error) {
	b.Helper()
	bench.Pair(b, x.side(b, name, peer), x.side(b, "store", ours), 1)
}

// saver returns a function that replaces versions of rows, as a refresh does.
func (x *rig) saver() func(ctx context.Context, i int) error {
	versions := map[int]int64{}
	n := 0
	return func(ctx context.Context, i int) error {
		t := stored(i)
		n++
		t.ID, t.Version = strconv.Itoa(1_000_000_000+i), max(versions[i], 1)
		t.AccessToken = tokenkeep.NewSecret(t.AccessToken.Reveal() + strconv.Itoa(n))
		err := x.SaveToken(ctx, t)
		versions[i] = t.Version
		return err
	}
}

func BenchmarkSave(b *testing.B) {
	x := newRig(b)
	x.race(b, "hset", func(ctx context.Context, i int) error {
		return x.client.HSet(ctx, bareKey(i), bareFields(i)...).Err()
	}, x.saver())
}

func BenchmarkSaveScript(b *testing.B) {
	x := newRig(b)
	script := redis.NewScript(`if redis.call('HGET', KEYS[1], 'version') == '1' then return redis.call('HSET', KEYS[1], unpack(ARGV)) end`)
	x.race(b, "script", func(ctx context.Context, i int) error {
		return script.Run(ctx, x.client, []string{bareKey(i)}, bareFields(i)...).Err()
	}, x.saver())
}

// BenchmarkList reports the time of a token.
func BenchmarkList(b *testing.B) {
	x := newRig(b)
	var peak runtime.MemStats
	b.ResetTimer()
	n := 0
	for b.Loop() {
		for _, err := range x.GetTokens(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			if n++; n%100_000 == 0 {
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				peak.HeapAlloc = max(peak.HeapAlloc, now.HeapAlloc)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/token")
	b.ReportMetric(float64(peak.HeapAlloc)/1e6, "heap-MB")
}

var _ tokenkeep.TokenStore = (*redisstore.Store)(nil)
