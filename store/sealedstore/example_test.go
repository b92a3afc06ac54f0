package sealedstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// Seal what a store keeps, change the key while the store is in use, and let the old
// one go.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "tokens.key")

	first, err := sealedstore.GenerateKey(path) // once; keep a copy in a safe place
	if err != nil {
		log.Print(err)
		return
	}
	keys, err := sealedstore.OpenKeyring(ctx, sealedstore.KeyFile(path))
	if err != nil {
		log.Print(err)
		return
	}
	inner := tokenkeep.NewMemoryStore() // or any other store
	store, err := sealedstore.New(inner, keys, nil)
	if err != nil {
		log.Print(err)
		return
	}
	err = store.SaveToken(ctx, &tokenkeep.Token{
		UserName:     "ann@example.com",
		RefreshToken: tokenkeep.NewSecret("1000.made-up-refresh-token.a1b2"),
	})
	if err != nil {
		log.Print(err)
		return
	}

	sum, err := store.Rotate(ctx, "")
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println("sealed anew:", sum.Sealed)
	if err := store.Retire(ctx, first); err != nil {
		log.Print(err)
		return
	}
	t, err := store.FindToken(ctx, &tokenkeep.Token{UserName: "ann@example.com"})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(t.ID, t.Version, t.RefreshToken.Masked())
	// Output:
	// sealed anew: 1
	// 1000000000 1 1000.****a1b2
}

// Keys from the environment: the first seals, those after it open what they sealed
// before.
func ExampleKeyEnv() {
	_ = os.Setenv("TOKENS_KEYS", sealedstore.NewKey().Reveal()+","+sealedstore.NewKey().Reveal())
	defer func() { _ = os.Unsetenv("TOKENS_KEYS") }()
	keys, err := sealedstore.OpenKeyring(context.Background(), sealedstore.KeyEnv("TOKENS_KEYS"))
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(len(keys.IDs()), "keys")
	// Output: 2 keys
}
