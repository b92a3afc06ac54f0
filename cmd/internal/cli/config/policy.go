package config

import (
	"errors"
	"strconv"
	"time"
)

// policySettings are the limits of sessions: the table [policy] of the file.
func policySettings() []setting {
	return []setting{
		{"policy.idle_timeout", "idle-timeout", "TOKENKEEP_IDLE_TIMEOUT", duration(func(c *Config) *time.Duration { return &c.Policy.IdleTimeout })},
		{"policy.lifetime", "session-lifetime", "TOKENKEEP_SESSION_LIFETIME", duration(func(c *Config) *time.Duration { return &c.Policy.Lifetime })},
		{"policy.max_logins", "max-logins", "TOKENKEEP_MAX_LOGINS", setMaxLogins},
		{"policy.refuse_logins", "", "TOKENKEEP_REFUSE_LOGINS", flag(func(c *Config) *bool { return &c.Policy.RefuseLogins })},
	}
}

func duration(field func(*Config) *time.Duration) func(*Config, string, level) error {
	return func(c *Config, v string, _ level) error {
		d, err := ParseDuration(v)
		*field(c) = d
		return err
	}
}

func setMaxLogins(c *Config, v string, _ level) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return errors.New("it must be a number of logins; 0 means no limit")
	}
	c.Policy.MaxLogins = n
	return nil
}
