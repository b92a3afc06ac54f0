package redisstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

// Open warns through the logger when the server would lose logins.
func ExampleOpen() {
	ctx := context.Background()
	store, err := redisstore.Open(ctx, "rediss://redis.internal:6379/0", &redisstore.Options{
		Username: "app",
		Password: tokenkeep.NewSecret(os.Getenv("REDIS_PASSWORD")),
		Logger:   slog.Default(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
}

// A cluster, or Sentinel, is the client's matter.
func ExampleNew() {
	ctx := context.Background()
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:                 []string{"redis-0:6379", "redis-1:6379"},
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	store := redisstore.New(client, &redisstore.Options{Prefix: "tokens-eu"})
	defer store.Close()
	report, err := store.Durability(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a crash of the server loses", report.Loss)
}
