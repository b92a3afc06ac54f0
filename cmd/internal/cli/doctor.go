package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

// The outcomes of a check.
const (
	checkOK     = "ok"
	checkWarn   = "warning"
	checkBroken = "broken"
)

// A checkup is one thing that doctor looked at.
type checkup struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`

	class tokenkeep.Class // of the error when it is broken
}

func newDoctor(a *App) *cobra.Command {
	var online bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong, and say how to fix it",
		Long: `Checks the configuration, the store, its files and the logins in it, and what is
dangerous when Zoho's own SDKs use the same store. It asks the store, also one on a
server, but nothing else over the network unless --online is given. It mints no
token and changes nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), networkTimeout)
			defer cancel()
			return a.doctor(ctx, online)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "also ask the accounts server for its time")
	return cmd
}

func (a *App) doctor(ctx context.Context, online bool) error {
	list := a.checkSettings()
	list = append(list, a.checkStore(ctx)...)
	if online {
		list = append(list, a.checkNetwork(ctx)...)
	}
	if a.cfg.JSON {
		if err := a.IO.JSON(map[string]any{"schema": "doctor/v1", "checks": list}); err != nil {
			return err
		}
		return diagnosis(list)
	}
	for _, c := range list {
		mark := map[string]string{checkOK: a.IO.Good("✓"), checkWarn: a.IO.Fair("!"), checkBroken: a.IO.Bad("✗")}[c.Status]
		if _, err := fmt.Fprintf(a.IO.Out, "%s %s: %s\n", mark, c.Name, ui.Plain(c.Detail)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if c.Fix != "" {
			fmt.Fprintf(a.IO.Out, "  fix: %s\n", ui.Plain(c.Fix))
		}
	}
	return diagnosis(list)
}

// diagnosis is the error for what is broken, of the class of the first.
func diagnosis(list []checkup) error {
	var broken []checkup
	for _, c := range list {
		if c.Status == checkBroken {
			broken = append(broken, c)
		}
	}
	if len(broken) == 0 {
		return nil
	}
	first := broken[0]
	reason := fmt.Sprintf("%d of %d checks found something broken", len(broken), len(list))
	if first.class == "" {
		return withHint(errors.New("doctor: "+reason), "%s", first.Fix)
	}
	return withHint(&tokenkeep.Error{Class: first.class, Op: "doctor", Reason: reason}, "%s", first.Fix)
}

func good(name, format string, args ...any) checkup {
	return checkup{Name: name, Status: checkOK, Detail: fmt.Sprintf(format, args...)}
}

func warn(name, fix, format string, args ...any) checkup {
	return checkup{Name: name, Status: checkWarn, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

func broken(class tokenkeep.Class, name, fix, format string, args ...any) checkup {
	return checkup{Name: name, Status: checkBroken, Detail: fmt.Sprintf(format, args...), Fix: fix, class: class}
}
