package redisstore_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// openDSN opens a store on a URL whose fragment is the prefix.
func openDSN(ctx context.Context, dsn string) (tokenkeep.TokenStore, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	prefix := u.Fragment
	u.Fragment = ""
	return redisstore.Open(ctx, u.String(), &redisstore.Options{Prefix: prefix})
}

// A server that keeps nothing on disk keeps what was saved for as long as it runs:
// processes may die, it may not.
func TestStore(t *testing.T) {
	address := ""
	if !storetest.IsChild() {
		address = sharedServer(t)
	}
	storetest.Run(t, storetest.Config{
		Open:   openDSN,
		NewDSN: func(tb testing.TB) string { return address + "#" + freshPrefix(tb, address) },
	})
}

// freshPrefix returns a prefix whose keys are removed with the test.
func freshPrefix(tb testing.TB, address string) string {
	tb.Helper()
	prefix := "tokenkeep-test-" + rand.Text()
	client := newClient(tb, address)
	tb.Cleanup(func() {
		tag := "{" + prefix + "}:"
		if err := client.Del(context.WithoutCancel(tb.Context()), tag+"rows", tag+"index", tag+"meta", tag+"history").Err(); err != nil {
			tb.Logf("the keys of %s stay: %v", prefix, err)
		}
	})
	return prefix
}
