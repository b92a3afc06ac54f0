package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
)

const reapLong = `Ends logins that are of no use any more: revokes them at Zoho, unless their refresh
token is dead, and deletes them. Each criterion stands for itself, and there is none
without a flag. What cannot be revoked stays. A login that the policy lets be
refreshed is never ended, whatever fails about it: not one that is throttled or
misconfigured. Logins of other clients than the configured one stay too, unless
--all-clients says otherwise; without a configured client, all are looked at.

Limits are exceeded by 20 minutes before they count, because clocks differ, and
--idle by an eighth more. Durations are written like 30d, 12h or 90m.

It asks before it ends several; --dry-run shows what would be ended. The exit code is
8 when some could not be ended.`

type reapOptions struct {
	idle, lifetime                        days
	policy, dryRun, yes                   bool
	dead, inDoubt, expired, unfinished, h days
	allClients                            bool
}

// days is a duration as a flag: "30d", "12h".
type days struct{ time.Duration }

var _ pflag.Value = (*days)(nil)

// Set implements [pflag.Value].
func (d *days) Set(s string) (err error) {
	if d.Duration, err = config.ParseDuration(s); err == nil && d.Duration == 0 {
		return errors.New("it must be longer than nothing")
	}
	return err
}

// String implements [pflag.Value].
func (d *days) String() string {
	if d.Duration == 0 {
		return ""
	}
	return d.Duration.String()
}

// Type implements [pflag.Value].
func (d *days) Type() string { return "DURATION" }

func newTokensReap(a *App) *cobra.Command {
	var o reapOptions
	cmd := &cobra.Command{
		Use: "reap", Short: "End logins that are idle, old, dead or unfinished", Long: reapLong,
		Example: "  tokenkeep tokens reap --policy --dead-after 30d --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), 0)
			defer cancel()
			return a.reapTokens(ctx, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.policy, "policy", false, "what idle_timeout and lifetime of the configured policy have ended")
	f.Var(&o.idle, "idle", "not used for `DURATION`; not shorter than the policy's idle_timeout")
	f.Var(&o.lifetime, "lifetime", "logged in for `DURATION`; not shorter than the policy's lifetime")
	f.Var(&o.dead, "dead-after", "a login is needed for `DURATION`")
	f.Var(&o.inDoubt, "in-doubt-after", "in doubt for `DURATION`")
	f.Var(&o.expired, "expired-after", "no refresh token, and the access token expired `DURATION` ago")
	f.Var(&o.unfinished, "unfinished-after", "a code alone, never redeemed, for `DURATION`")
	f.Var(&o.h, "history-after", "events of the history older than `DURATION`")
	f.BoolVar(&o.allClients, "all-clients", false, "also logins of other clients than the configured one")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be ended, and change nothing")
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func (a *App) reapTokens(ctx context.Context, o reapOptions) error {
	reap, err := a.reapFlags(o)
	if err != nil {
		return err
	}
	s, err := a.storeOrLook(ctx, o.dryRun)
	if err != nil {
		return err
	}
	k, err := a.keeperOfAny(ctx, s)
	if errors.Is(err, tokenkeep.ErrNotFound) { // an empty store may have a history
		k, err = a.newKeeper(s, nil), nil
	}
	if err != nil {
		return err
	}
	return a.endLogins(ctx, end{
		op: "reap", dry: o.dryRun, yes: o.yes,
		run: func(ctx context.Context, dry bool, each func(tokenkeep.Ending)) (tokenkeep.EndReport, error) {
			reap.DryRun, reap.Each = dry, each
			return k.Reap(ctx, reap)
		},
	})
}

// reapFlags returns what the flags ask for, and sets the policy of this run.
func (a *App) reapFlags(o reapOptions) (tokenkeep.ReapOptions, error) {
	p := &a.cfg.Policy
	if o.policy && p.IdleTimeout == 0 && p.Lifetime == 0 {
		return tokenkeep.ReapOptions{}, withHint(usagef("--policy: there is no policy"), "set idle_timeout or lifetime in [policy] of the configuration file, or add --idle or --lifetime")
	}
	for _, l := range []struct {
		flag   string
		asked  time.Duration
		policy *time.Duration
	}{
		{"--idle", o.idle.Duration, &p.IdleTimeout},
		{"--lifetime", o.lifetime.Duration, &p.Lifetime},
	} {
		switch {
		case l.asked == 0:
		case l.asked < *l.policy:
			return tokenkeep.ReapOptions{}, withHint(usagef("%s %v is shorter than the policy's %v: logins that still work would be lost", l.flag, l.asked, *l.policy), "change the policy first, so that programs stop to use them")
		default:
			*l.policy = l.asked
		}
	}
	reap := tokenkeep.ReapOptions{
		Idle: o.idle.Duration > 0 || o.policy && p.IdleTimeout > 0, Lifetime: o.lifetime.Duration > 0 || o.policy && p.Lifetime > 0,
		DeadFor: o.dead.Duration, InDoubtFor: o.inDoubt.Duration, ExpiredFor: o.expired.Duration,
		UnfinishedFor: o.unfinished.Duration, HistoryFor: o.h.Duration,
		AllClients: o.allClients || a.cfg.ClientID == "",
	}
	if !reap.Idle && !reap.Lifetime && o.dead.Duration+o.inDoubt.Duration+o.expired.Duration+o.unfinished.Duration+o.h.Duration == 0 {
		return reap, withHint(usagef("reap what?"), "add --policy, --idle, --lifetime, --dead-after, --in-doubt-after, --expired-after, --unfinished-after or --history-after")
	}
	return reap, nil
}
