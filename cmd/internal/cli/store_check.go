package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

func newStore(a *App) *cobra.Command {
	return group("store", "Check the store, move tokens between stores, and encrypt it", newStoreCheck(a), newStoreJournal(a), newStoreMigrate(a),
		newStoreNewKey(a), newStoreRotateKey(a), newStoreSeal(a))
}

func newStoreCheck(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Open the store, try it, and count what is in it",
		Long: `Opens the configured store, tries whether it can be written, and counts the logins in
it. Of Redis it also tells what a crash of the server would lose. No token is
changed, nothing is made, and a table of Zoho's SDKs that tokenkeep has not taken
over is only read. The exit code is 7 when the store cannot be used.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), 0)
			defer cancel()
			return a.storeCheck(ctx)
		},
	}
}

// A storeView is what store check found, as JSON.
type storeView struct {
	Schema string `json:"schema"`
	Store  string `json:"store"`
	// Tables is "current", or "official" for a table of Zoho's SDKs.
	Tables     string `json:"tables"`
	Writable   bool   `json:"writable"`
	Tokens     int    `json:"tokens"`
	NeedsLogin int    `json:"needs_login"`
	Claimed    int    `json:"being_refreshed"`
	NoRefresh  int    `json:"without_refresh_token"`
	// Persistence, Loss, MayEvict and Warnings are Redis's.
	Persistence string   `json:"persistence,omitempty"`
	Loss        string   `json:"crash_loses,omitempty"`
	MayEvict    bool     `json:"may_evict,omitempty"`
	Warnings    []string `json:"warnings"`
	// History is whether the store keeps the history that tokenkeep why reads.
	History bool `json:"history"`
	// Seal is null when no key is configured.
	Seal *sealView `json:"seal"`
}

func (a *App) storeCheck(ctx context.Context) error {
	l, err := a.place()
	if err != nil {
		return err
	}
	s, err := a.openPlace(ctx, l, toLook)
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(&tokenkeep.Error{Class: tokenkeep.StoreUnavailable, Op: "check " + l.String(), Reason: "it is not there yet"},
			"tokenkeep login or tokenkeep tokens import makes it")
	}
	if err != nil {
		return err
	}
	v := storeView{Schema: "store-check/v1", Store: l.String(), Tables: "current", Warnings: []string{}}
	if err := a.fillStoreView(ctx, s, &v); err != nil {
		return storeError("check", err)
	}
	if a.cfg.JSON {
		return a.IO.JSON(v)
	}
	return a.showStoreView(&v)
}

func (a *App) fillStoreView(ctx context.Context, s tokenkeep.TokenStore, v *storeView) error {
	if p, ok := s.(tokenkeep.Pinger); ok {
		if err := p.Ping(ctx); err != nil {
			return err
		}
	}
	v.Writable = true
	if _, official := bare(s).(*stores.Official); official {
		v.Tables, v.Writable = "official", false
	}
	if r, ok := bare(s).(*redisstore.Store); ok {
		report, err := r.Durability(ctx)
		if err != nil {
			return err
		}
		v.Persistence, v.Loss, v.MayEvict = string(report.Persistence), report.Loss, report.MayEvict
		v.Warnings = append(v.Warnings, report.Warnings...)
	}
	var err error
	if v.Seal, err = a.sealing(ctx, s); err != nil {
		return err
	}
	if err := checkHistory(ctx, s, v); err != nil {
		return err
	}
	return a.countTokens(ctx, s, v)
}

// checkHistory looks for the history and warns if the store could keep one.
func checkHistory(ctx context.Context, s tokenkeep.TokenStore, v *storeView) error {
	h, ok := s.(tokenkeep.Historian)
	if !ok {
		return nil
	}
	for _, err := range h.Events(ctx, tokenkeep.EventQuery{Since: time.Now()}) {
		if errors.Is(err, tokenkeep.ErrNoHistory) {
			v.Warnings = append(v.Warnings, "no history is kept, so that tokenkeep why has less to tell: "+err.Error())
			return nil
		}
		if err != nil {
			return err
		}
		break
	}
	v.History = true
	return nil
}

func (a *App) countTokens(ctx context.Context, s tokenkeep.TokenStore, v *storeView) error {
	defer a.IO.Progress("counting")()
	for t, err := range s.GetTokens(ctx) {
		if err != nil {
			return err
		}
		v.Tokens++
		if needsLogin(a.standing(t)) {
			v.NeedsLogin++
		}
		if t.Claim.Held() {
			v.Claimed++
		}
		if t.RefreshToken.IsZero() {
			v.NoRefresh++
		}
	}
	return nil
}

func (a *App) showStoreView(v *storeView) error {
	use := "can be read and written"
	if !v.Writable {
		use = "can be read; it is a table of Zoho's SDKs, which the first write takes over"
	}
	lines := [][2]string{
		{"store", v.Store},
		{"use", use},
		{"schema", "that of this program"},
		{"tokens", fmt.Sprint(v.Tokens)},
		{"need a login", fmt.Sprint(v.NeedsLogin)},
		{"being refreshed", fmt.Sprint(v.Claimed)},
		{"without refresh token", fmt.Sprint(v.NoRefresh)},
		{"history", "none"},
		{"sealed", v.Seal.String()},
	}
	if v.History {
		lines[7][1] = "kept"
	}
	if !v.Writable {
		lines[2][1] = "that of Zoho's SDKs"
	}
	if v.Persistence != "" {
		lines = append(lines, [2]string{"persistence", v.Persistence}, [2]string{"a crash loses", v.Loss}, [2]string{"may evict logins", fmt.Sprint(v.MayEvict)})
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(a.IO.Out, "%-23s %s\n", line[0]+":", ui.Plain(line[1])); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	for _, w := range v.Warnings {
		a.IO.Warn("%s", ui.Plain(w))
	}
	return nil
}
