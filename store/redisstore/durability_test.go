package redisstore_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

func TestDurability(t *testing.T) {
	server := startServer(t)
	client := newClient(t, server.url())
	var log bytes.Buffer
	s := redisstore.New(client, &redisstore.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, test := range []struct {
		settings    []string // names and values in turns
		persistence redisstore.Persistence
		loss        string
		warning     string // a part of one; "" for none
		evicts      bool
	}{
		{nil, redisstore.Memory, "everything", "loses everything", false},
		{[]string{"save", "900 1"}, redisstore.Snapshots, "everything since its last snapshot", "appendonly yes", false},
		{[]string{"appendonly", "yes", "appendfsync", "no"}, redisstore.AppendWhenever, "up to 30 s", "appendfsync everysec", false},
		{[]string{"appendfsync", "everysec"}, redisstore.AppendEverySecond, "up to 1 s", "", false},
		{[]string{"appendfsync", "always"}, redisstore.AppendAlways, "nothing", "", false},
		{[]string{"no-appendfsync-on-rewrite", "yes"}, redisstore.AppendAlways, "while it rewrites its file", "", false},
		{[]string{"maxmemory-policy", "volatile-lru"}, redisstore.AppendAlways, "nothing", "", false},
		{[]string{"maxmemory-policy", "allkeys-lru"}, redisstore.AppendAlways, "nothing", "evicts keys", true},
	} {
		for pair := range slices.Chunk(test.settings, 2) {
			if err := client.ConfigSet(t.Context(), pair[0], pair[1]).Err(); err != nil {
				t.Fatal(err)
			}
		}
		log.Reset()
		r, err := s.Durability(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Persistence != test.persistence || !strings.Contains(r.Loss, test.loss) || r.MayEvict != test.evicts || r.Replica {
			t.Errorf("%v: %+v", test.settings, r)
		}
		warnings := strings.Join(r.Warnings, "\n")
		if (test.warning == "") != (warnings == "") || !strings.Contains(warnings, test.warning) {
			t.Errorf("%v: warnings %q", test.settings, r.Warnings)
		}
		if logged := strings.Contains(log.String(), "level=WARN"); logged != (test.warning != "") {
			t.Errorf("%v: logged %s", test.settings, log.String())
		}
	}
}

// Where a server does not tell, the report says so.
func TestDurabilityForbidden(t *testing.T) {
	server := startServer(t, "--appendonly", "yes", "--appendfsync", "always")
	admin := newClient(t, server.url())
	for _, test := range []struct {
		forbidden []string
		warnings  int
	}{
		{[]string{"-config"}, 1},
		{[]string{"-info"}, 0},
		{[]string{"-config", "-info"}, 2},
	} {
		rules := append([]string{"reset", "on", ">right", "~*", "+@all"}, test.forbidden...)
		if err := admin.ACLSetUser(t.Context(), "app", rules...).Err(); err != nil {
			t.Fatal(err)
		}
		r, err := redisstore.New(newClient(t, "redis://app:right@"+server.address()), nil).Durability(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		unknown := slices.Contains(test.forbidden, "-config")
		if unknown != (r.Persistence == redisstore.Unknown) || len(r.Warnings) != test.warnings {
			t.Errorf("%v: %+v", test.forbidden, r)
		}
	}
}

// Open warns at the start.
func TestOpenWarns(t *testing.T) {
	var log bytes.Buffer
	s, err := redisstore.Open(t.Context(), startServer(t).url(), &redisstore.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "loses everything") {
		t.Errorf("logged: %s", log.String())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
