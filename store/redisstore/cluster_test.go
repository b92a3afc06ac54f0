package redisstore_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// startCluster starts a cluster of one node, which checks the slots of keys as a
// large one does.
func startCluster(t *testing.T) *server {
	t.Helper()
	server := startServer(t, "--cluster-enabled", "yes")
	client := newClient(t, server.url())
	if err := client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		info, err := client.ClusterInfo(t.Context()).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			return server
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatal("the cluster does not come up")
	return nil
}

// A clusterStore closes its client, too.
type clusterStore struct {
	*redisstore.Store
	client *redis.ClusterClient
}

func (s clusterStore) Close() error {
	if err := s.Store.Close(); err != nil {
		return err
	}
	return s.client.Close()
}

func openCluster(_ context.Context, dsn string) (tokenkeep.TokenStore, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{u.Host}, ContextTimeoutEnabled: true})
	return clusterStore{redisstore.New(client, &redisstore.Options{Prefix: u.Fragment}), client}, nil
}

func TestCluster(t *testing.T) {
	address := ""
	if !storetest.IsChild() {
		address = startCluster(t).url()
	}
	storetest.Run(t, storetest.Config{
		Open:   openCluster,
		NewDSN: func(tb testing.TB) string { return address + "#" + freshPrefix(tb, address) },
		Short:  true,
	})
}

// The check of durability asks the node that has the keys.
func TestClusterDurability(t *testing.T) {
	store, err := openCluster(t.Context(), startCluster(t).url()+"#x")
	if err != nil {
		t.Fatal(err)
	}
	s := store.(clusterStore)
	defer s.Close()
	r, err := s.Durability(t.Context())
	if err != nil || r.Persistence != redisstore.Memory {
		t.Errorf("persistence %q, error %v", r.Persistence, err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
