package sqlstore_test

import (
	"context"
	"log"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// A program that used the DBStore of Zoho's SDKs opens the same table with the same
// parameters. It imports github.com/go-sql-driver/mysql for the driver.
func ExampleOpen() {
	ctx := context.Background()
	params := sqlstore.Params{
		Host:     "db.example",
		Database: "zohooauth",
		Table:    "oauthtoken",
		User:     "app",
		Password: tokenkeep.NewSecret("from a file or the environment"),
		TLS:      true,
	}
	dsn, err := params.MySQL()
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.Open(ctx, "mysql", dsn, sqlstore.MySQL(), params.Options())
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			log.Print(err)
		}
	}()
}
