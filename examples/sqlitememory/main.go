// Command sqlitememory keeps tokens in a SQLite database in memory, as the second
// custom store of Zoho's article does, and runs a Keeper over it from the login
// to the logout. It needs no account, because it talks to a fake Zoho.
//
//	go run ./sqlitememory
//
// With a path in the place of ":memory:" the tokens outlive the program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

const user = "patricia@zylker.com"

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	store, err := sqlitestore.Open(ctx, ":memory:", nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	fake, provider, err := newZoho()
	if err != nil {
		return err
	}
	keeper := tokenkeep.New(store, provider, &tokenkeep.Options{Base: fake.Transport()})
	defer func() { err = errors.Join(err, keeper.Close()) }()

	session, err := logIn(ctx, keeper, fake)
	if err != nil {
		return err
	}
	if err := work(ctx, session); err != nil {
		return err
	}
	if err := show(ctx, store, out); err != nil {
		return err
	}
	if err := keeper.Logout(ctx, session.ID()); err != nil {
		return err
	}
	_, err = store.FindToken(ctx, &tokenkeep.Token{UserName: user})
	requests := fake.Counters().TokenRequests
	_, _ = fmt.Fprintf(out, "after the logout: %v\ntoken requests: %d\n", errors.Is(err, tokenkeep.ErrNotFound), requests)
	return nil
}

// logIn takes a login whose access token has expired.
func logIn(ctx context.Context, keeper *tokenkeep.Keeper, fake *zohotest.Fake) (*tokenkeep.Session, error) {
	login := fake.Issue("1000.APP", user)
	return keeper.Adopt(ctx, &tokenkeep.Token{
		UserName:       user,
		ClientID:       "1000.APP",
		RefreshToken:   tokenkeep.NewSecret(login.RefreshToken),
		AccessToken:    tokenkeep.NewSecret(login.AccessToken),
		Expiry:         time.Now().Add(-time.Minute),
		APIDomain:      login.APIDomain,
		AccountsServer: "https://accounts.zoho.com",
		DataCentre:     "us",
	})
}

// work asks for the token from many goroutines at once.
func work(ctx context.Context, session *tokenkeep.Session) error {
	g, ctx := errgroup.WithContext(ctx)
	for range 64 {
		g.Go(func() error {
			_, err := session.Token(ctx)
			return err
		})
	}
	return g.Wait()
}

// show lists what is stored. Tokens print as a few characters of theirs, if at all.
func show(ctx context.Context, store tokenkeep.TokenStore, out io.Writer) error {
	for t, err := range store.GetTokens(ctx) {
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%s %s, access token %v\n", t.ID, t.UserName, t.AccessToken)
	}
	return nil
}

func newZoho() (*zohotest.Fake, *zoho.Provider, error) {
	fake := zohotest.New(nil)
	fake.AddClient(zohotest.Client{ID: "1000.APP", Secret: "secret"})
	fake.AddUser(zohotest.User{Email: user, DC: "us"})
	provider, err := zoho.New(zoho.Config{
		ClientID:      "1000.APP",
		ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret("secret")},
		Transport:     fake.Transport(),
	})
	return fake, provider, err
}
