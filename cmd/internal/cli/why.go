package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
	"github.com/tokenkeep/tokenkeep/zoho"
)

const whyLong = `Tells how USER's login stands, why, and what happened to it: from its row, from the
history that the store keeps, and from what happened to other logins at the same
time. USER may be the name, the e-mail address or the id of a login that was deleted.

A verdict is sure when it was recorded, likely when other logins speak for it, and
possible when nothing speaks for or against it. Without --check nothing is asked
over the network.

The exit code is 0 when the login works, 3 when it is not stored any more, 4 when a
login is needed, 75 when it will work later, and 1 when the client is misconfigured.`

func newWhy(a *App) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use: "why [USER]", Short: "Tell why a user was logged out",
		Long: whyLong,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), networkTimeout)
			defer cancel()
			return a.why(ctx, first(args), check)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "ask Zoho first whether the login works; refreshes it where that is due")
	return cmd
}

func (a *App) why(ctx context.Context, user string, check bool) error {
	story, err := a.story(ctx, user, check)
	if err != nil {
		return err
	}
	if a.cfg.JSON {
		err = a.IO.JSON(whyView{"why/v1", story})
	} else {
		err = a.tellStory(story)
	}
	if err != nil {
		return err
	}
	return outcome(story)
}

// A whyView is a story as JSON.
type whyView struct {
	Schema string `json:"schema"`
	*lineage.Story
}

// story gathers the facts and explains them.
func (a *App) story(ctx context.Context, user string, check bool) (*lineage.Story, error) {
	open := a.look
	if check {
		open = a.store
	}
	s, err := open(ctx)
	if err != nil {
		return nil, err
	}
	row, err := a.find(ctx, s, user)
	if err != nil && (user == "" || !errors.Is(err, tokenkeep.ErrNotFound)) {
		return nil, err
	}
	if check && row != nil {
		row = a.checked(ctx, s, row)
	}
	facts, err := lineage.Gather(ctx, s, lineage.Query{
		Row: row, User: user, Provider: "Zoho", Limits: new(zoho.Provider).Limits(), Policy: a.cfg.Policy, Now: a.now(),
	})
	if err != nil {
		return nil, storeError("why", err)
	}
	return lineage.Explain(facts), nil
}

// checked asks Zoho about row and returns it as it is then.
func (a *App) checked(ctx context.Context, s tokenkeep.TokenStore, row *tokenkeep.Token) *tokenkeep.Token {
	f := a.check(ctx, s, row)
	a.IO.Note("asked Zoho: %s", f.check)
	if now, err := s.FindTokenByID(ctx, row.ID); err == nil {
		return now
	}
	return f.row
}

// A toldError is a failure that the output of the command told of.
type toldError struct{ err error }

func (e *toldError) Error() string { return e.err.Error() }
func (e *toldError) Unwrap() error { return e.err }

// outcome is the error that the exit code of a story comes from.
func outcome(s *lineage.Story) error {
	class := tokenkeep.NeedsLogin
	switch s.State {
	case lineage.Working, lineage.Refused:
		return nil
	case lineage.Gone:
		return &toldError{fmt.Errorf("%w: %s", tokenkeep.ErrNotFound, s.User)}
	case lineage.LoginNeeded, lineage.InDoubt:
	case lineage.Throttled, lineage.Retrying:
		class = tokenkeep.RetryLater
	case lineage.Misconfigured:
		class = tokenkeep.Misconfigured
	}
	return &toldError{&tokenkeep.Error{Class: class, Op: "why", Reason: s.Reason}}
}
