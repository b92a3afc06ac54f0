package cli_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
	zohoprovider "github.com/tokenkeep/tokenkeep/zoho"
)

// deafStore takes nothing once it is deaf.
type deafStore struct {
	tokenkeep.TokenStore
	deaf bool
}

func (s *deafStore) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if s.deaf && !t.Claim.Held() {
		return errors.New("the disk is on fire")
	}
	return s.TokenStore.SaveToken(ctx, t)
}

// A token that a dying store did not take waits in the journal, and the next
// command saves it.
func TestJournal(t *testing.T) {
	b := newBench(t)
	issued := b.fake.Issue(clientID, "ann@example.com")
	b.in = strings.NewReader(issued.RefreshToken)
	if code := b.run(t.Context(), "login", "ann", "--with-refresh-token", "-"); code != 0 {
		t.Fatalf("login: %d: %s", code, b.err.String())
	}
	if code := b.run(t.Context(), "store", "journal", "--json"); code != 0 {
		t.Fatalf("store journal: %d: %s", code, b.err.String())
	}
	folder := eventually(t, &b.out, `"folder": "([^"]+)"`)
	leaveInJournal(t, b, folder)

	minted := b.fake.Counters().Mints
	if code := b.run(t.Context(), "store", "journal"); code != 0 || !strings.Contains(b.out.String(), "refresh") || !strings.Contains(b.out.String(), "ann") {
		t.Errorf("list: %d: %s%s", code, b.out.String(), b.err.String())
	}
	if strings.Contains(b.out.String()+b.err.String(), "1000.") {
		t.Error("a secret is shown")
	}
	if code := b.run(t.Context(), "store", "journal", "--recover"); code != 0 || !strings.Contains(b.err.String(), "1 saved") {
		t.Errorf("recover: %d: %s", code, b.err.String())
	}
	if code := b.run(t.Context(), "token", "ann"); code != 0 {
		t.Errorf("token: %d: %s", code, b.err.String())
	}
	if n := b.fake.Counters().Mints; n != minted {
		t.Errorf("%d more mints: the saved token was not used", n-minted)
	}
	if code := b.run(t.Context(), "store", "journal"); code != 0 || b.out.String() != "" {
		t.Errorf("it is not empty: %s", b.out.String())
	}
}

// leaveInJournal refreshes ann's token over a store that does not take it.
func leaveInJournal(t *testing.T, b *bench, folder string) {
	t.Helper()
	store, err := sqlitestore.Open(t.Context(), filepath.Join(b.env["XDG_DATA_HOME"], "tokenkeep", "tokens.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	dc, err := zohoprovider.Custom("us", b.fake.AccountsURL("us"), b.fake.APIDomain("us"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := zohoprovider.New(zohoprovider.Config{
		ClientID: clientID, ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret(clientSecret)},
		DataCentre: dc, DataCentres: []zohoprovider.DataCentre{dc},
	})
	if err != nil {
		t.Fatal(err)
	}
	k := tokenkeep.New(&deafStore{TokenStore: store, deaf: true}, p, &tokenkeep.Options{Journal: folder, ClaimTime: 300 * time.Millisecond})
	s, err := k.Session(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Refresh(t.Context()); !errors.Is(err, tokenkeep.ErrStoreUnavailable) {
		t.Fatalf("Refresh: %v", err)
	}
	_ = k.Close()
}
