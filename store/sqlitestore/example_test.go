package sqlitestore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// Keep a token, and find it again by the user's name.
func ExampleOpen() {
	ctx := context.Background()
	store, err := sqlitestore.Open(ctx, sqlitestore.Memory, nil) // or a path
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	err = store.SaveToken(ctx, &tokenkeep.Token{
		UserName:     "ann@example.com",
		RefreshToken: tokenkeep.NewSecret("1000.made-up-refresh-token.a1b2"),
	})
	if err != nil {
		log.Print(err)
		return
	}
	t, err := store.FindToken(ctx, &tokenkeep.Token{UserName: "ann@example.com"})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(t.ID, t.Version, t.RefreshToken, t.RefreshToken.Masked())
	// Output: 1000000000 1 [redacted] 1000.****a1b2
}

// Read the file of the sample in Zoho's article on token persistence.
func ExampleReadLegacy() {
	for t, err := range sqlitestore.ReadLegacy(context.Background(), "testdata/zohooauth.db", nil) {
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(t.UserName, t.APIDomain, t.RefreshToken)
		break
	}
	// Output: u1@example.com:60001 https://www.zohoapis.com [redacted]
}
