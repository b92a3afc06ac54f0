package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
)

func TestPolicy(t *testing.T) {
	const day = 24 * time.Hour
	file := "store = \"memory:\"\n[policy]\nidle_timeout = \"720h\"\nlifetime = \"90d\"\nmax_logins = 3\nrefuse_logins = true\n"
	c, err := config.Load(sources(t, file, 0o644, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	if want := (tokenkeep.Policy{IdleTimeout: 30 * day, Lifetime: 90 * day, MaxLogins: 3, RefuseLogins: true}); c.Policy != want || c.Store != "memory:" {
		t.Errorf("from the file: %+v", c.Policy)
	}
	c, err = config.Load(sources(t, file, 0o644, map[string]string{
		"TOKENKEEP_IDLE_TIMEOUT": "7d", "TOKENKEEP_SESSION_LIFETIME": "8d", "TOKENKEEP_MAX_LOGINS": "1", "TOKENKEEP_REFUSE_LOGINS": "false",
	}, map[string]string{"idle-timeout": "36h", "max-logins": "2"}))
	if err != nil {
		t.Fatal(err)
	}
	if want := (tokenkeep.Policy{IdleTimeout: 36 * time.Hour, Lifetime: 8 * day, MaxLogins: 2}); c.Policy != want {
		t.Errorf("from environment and flags: %+v", c.Policy)
	}
	for _, bad := range []string{"[policy]\nidle_timeout = \"soon\"", "[policy]\nidle = \"1h\"", "[policy]\nmax_logins = -1", "policy = \"strict\"", "[policy.idle_timeout]\nx = 1"} {
		if _, err := config.Load(sources(t, bad, 0o644, nil, nil)); err == nil || !strings.Contains(err.Error(), "policy") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"30d": 30 * day, "1d12h": 36 * time.Hour, "90m": 90 * time.Minute, "0d": 0, "0s": 0, "36500d": 36500 * day,
	} {
		if got, err := config.ParseDuration(s); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "d", "-1d", "1.5d", "30", "1d-1h", "-1h", "1d1d", "36501d", "99999999999999999999d", "1 d", "1dd"} {
		if got, err := config.ParseDuration(s); err == nil {
			t.Errorf("%q was taken for %v", s, got)
		}
	}
}
