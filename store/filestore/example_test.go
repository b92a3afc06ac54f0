package filestore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// A file of one of Zoho's SDKs is opened as it is.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "filestore")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := filestore.Open(filepath.Join(dir, "sdk_tokens.txt"), nil)
	if err != nil {
		log.Print(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	err = store.SaveToken(ctx, &tokenkeep.Token{
		UserName:     "ann@example.com:60001",
		ClientID:     "1000.CLIENT",
		RefreshToken: tokenkeep.NewSecret("1000.refresh"),
	})
	if err != nil {
		log.Print(err)
		return
	}
	t, err := store.FindToken(ctx, &tokenkeep.Token{UserName: "ann@example.com:60001"})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(t.ID, t.UserName, t.Version, t.RefreshToken)
	// Output: 1000000000 ann@example.com:60001 1 [redacted]
}

// What the Node SDK broke with a comma in a redirect URL is read whole.
func ExampleParse() {
	const file = "id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,redirect_url,api_domain\n" +
		"2,bob,1000.C,secret,1000.refresh,1000.access,,1767225600002,https://app.example/cb?x=1,2,https://www.zohoapis.com"
	tokens, warnings, err := filestore.Parse(strings.NewReader(file))
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range tokens {
		fmt.Println(t.ID, t.UserName, t.RedirectURL, t.APIDomain)
	}
	for _, w := range warnings {
		fmt.Println(w)
	}
	// Output:
	// 2 bob https://app.example/cb?x=1,2 https://www.zohoapis.com
	// line 2: an unquoted comma tore a value; it was put back
}
