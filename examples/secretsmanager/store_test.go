package secretsmanager_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/examples/secretsmanager"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// open returns a store on a stand-in, or on whatever answers at endpoint.
func open(client *http.Client, endpoint string) *secretsmanager.Store {
	return &secretsmanager.Store{Endpoint: endpoint, Prefix: "test/", Client: client}
}

// TestStore checks the store, in many processes, on a stand-in whose reads are
// consistent.
func TestStore(t *testing.T) {
	client := newClient()
	storetest.Run(t, storetest.Config{
		Open: func(_ context.Context, dsn string) (tokenkeep.TokenStore, error) {
			return open(client, dsn), nil
		},
		NewDSN: func(tb testing.TB) string {
			tb.Helper()
			_, url := newStandIn(tb, 0)
			return url
		},
		MaxBytes: 48 << 10, // a secret holds 64 KB of JSON
		Short:    true,     // each look-up is as many requests as there are tokens; STORETEST_LONG=1 wins
	})
}

// newClient keeps as many connections as the tests have goroutines.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 100
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}
