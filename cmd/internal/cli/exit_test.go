package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

func TestExitCode(t *testing.T) {
	needsLogin := &tokenkeep.Error{Class: tokenkeep.NeedsLogin}
	for _, tt := range []struct {
		name string
		err  error
		code int
		// class is what --json says.
		class string
	}{
		{"nil", nil, 0, "failed"},
		{"anything", errors.New("x"), 1, "failed"},
		{"canceled", context.Canceled, 1, "failed"},
		{"closed", tokenkeep.ErrClosed, 1, "failed"},
		{"conflict", tokenkeep.ErrConflict, 1, "failed"},
		{"misconfigured", tokenkeep.ErrMisconfigured, 1, "misconfigured"},
		{"invalid scope", &tokenkeep.Error{Class: tokenkeep.Misconfigured, Code: "invalid_scope"}, 5, "misconfigured"},
		{"usage", usagef("x"), 2, "usage"},
		{"setting", &config.Error{Err: needsLogin}, 2, "usage"},
		{"store URL", fmt.Errorf("x: %w", stores.ErrURL), 2, "usage"},
		{"ambiguous", fmt.Errorf("x: %w", tokenkeep.ErrAmbiguous), 2, "ambiguous"},
		{"no key", tokenkeep.ErrNoKey, 2, "failed"},
		{"not found", fmt.Errorf("x: %w", tokenkeep.ErrNotFound), 3, "not_found"},
		{"needs login", fmt.Errorf("x: %w", needsLogin), 4, "needs_login"},
		{"in doubt", tokenkeep.ErrInDoubt, 4, "in_doubt"},
		{"scope", &apiError{status: 401, code: "OAUTH_SCOPE_MISMATCH"}, 5, "api"},
		{"permission", &apiError{status: 403, code: "NO_PERMISSION"}, 5, "api"},
		{"forbidden", &apiError{status: 403}, 5, "api"},
		{"API", &apiError{status: 400, code: "INVALID_DATA"}, 6, "api"},
		{"refused token", &apiError{status: 401, code: "INVALID_TOKEN"}, 6, "api"},
		{"API outage", &apiError{status: 500}, 6, "api"},
		{"store", tokenkeep.ErrStoreUnavailable, 7, "store_unavailable"},
		{"damaged", fmt.Errorf("x: %w", tokenkeep.ErrCorrupt), 7, "store_unavailable"},
		{"read-only", tokenkeep.ErrReadOnly, 7, "store_unavailable"},
		{"schema", tokenkeep.ErrSchema, 7, "store_unavailable"},
		{"any store error", storeError("x", errors.New("disk")), 7, "store_unavailable"},
		{"answer of a store", storeError("x", tokenkeep.ErrNotFound), 3, "not_found"},
		{"some", partial(2, []error{needsLogin}), 8, "partial"},
		{"one of one", partial(1, []error{needsLogin}), 4, "needs_login"},
		{"none", partial(1, nil), 0, "failed"},
		{"throttled", &tokenkeep.Error{Class: tokenkeep.Throttled, Until: time.Now()}, 75, "throttled"},
		{"retry later", fmt.Errorf("x: %w", tokenkeep.ErrRetryLater), 75, "retry_later"},
		{"API throttle", &apiError{status: 429}, 75, "api"},
		{"timeout", fmt.Errorf("x: %w", context.DeadlineExceeded), 75, "retry_later"},
		{"interrupted", errors.Join(errInterrupted, needsLogin), 130, "interrupted"},
		{"child", errors.Join(errInterrupted, &childError{42}), 42, "failed"},
		{"hinted", withHint(needsLogin, "x"), 4, "needs_login"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ExitCode(tt.err); got != tt.code {
				t.Errorf("ExitCode = %d, want %d", got, tt.code)
			}
			if got := className(tt.err); tt.err != nil && got != tt.class {
				t.Errorf("class = %q, want %q", got, tt.class)
			}
		})
	}
}

// TestEveryClassHasAStep: every failure says what to do next.
func TestEveryClassHasAStep(t *testing.T) {
	for _, err := range []error{
		tokenkeep.ErrRetryLater, tokenkeep.ErrThrottled, tokenkeep.ErrNeedsLogin, tokenkeep.ErrMisconfigured,
		tokenkeep.ErrInDoubt, tokenkeep.ErrStoreUnavailable, tokenkeep.ErrNotFound, tokenkeep.ErrAmbiguous,
		tokenkeep.ErrConflict, usagef("x"), &apiError{status: 400}, &apiError{status: 401}, &apiError{status: 403},
		&apiError{status: 429}, &apiError{status: 500}, context.DeadlineExceeded,
		&tokenkeep.Error{Class: tokenkeep.Throttled, Until: time.Now().Add(time.Minute)},
	} {
		if hintFor(fmt.Errorf("x: %w", err)) == "" {
			t.Errorf("no next step for: %v", err)
		}
	}
}

func TestMessageLeavesTheHintOut(t *testing.T) {
	err := fmt.Errorf("ann: %w", &tokenkeep.Error{Class: tokenkeep.NeedsLogin, Op: "refresh", Hint: "log in again"})
	if got, want := message(err), "ann: refresh: needs login"; got != want {
		t.Errorf("message = %q, want %q", got, want)
	}
}

func TestScreenArgs(t *testing.T) {
	const token = "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		args []string
		ok   bool
	}{
		{[]string{"token", "ann@example.com"}, true},
		{[]string{"--client-id", "1000.ABC", "status"}, true},
		{[]string{"--client-id=1000.ABC", "status"}, true},
		{[]string{"fake", "--client", "1000.ABC:secret"}, true},
		{[]string{"exec", "--", "curl", token}, true}, // another program's arguments
		{[]string{"api", "GET", "/crm/v8/Leads/4150868000001000001"}, true},
		{[]string{"login", token}, false},
		{[]string{"--client-id", token}, false},
		{[]string{"login", "--with-refresh-token=" + token}, false},
		{[]string{"login", "1000.short"}, false},
		{[]string{"api", "GET", "/x?token=" + token}, false},
		{[]string{"api", "GET", "/x", "-H", "X: Zoho-oauthtoken " + token}, false},
	} {
		err := screenArgs(tt.args)
		if (err == nil) != tt.ok {
			t.Errorf("screenArgs(%q) = %v, want ok %v", tt.args, err, tt.ok)
		}
		if err != nil && ExitCode(err) != ExitUsage {
			t.Errorf("exit code %d, want %d", ExitCode(err), ExitUsage)
		}
	}
}
