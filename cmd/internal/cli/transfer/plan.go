package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// An Action is what an import does with a row.
type Action string

// The actions.
const (
	Add    Action = "add"    // a new token
	Update Action = "update" // the store's token gets the row's values
	Skip   Action = "skip"   // nothing; Reason says why
)

// An Item is a row of a source and what happens to it.
type Item struct {
	// Row counts the rows of the source from 1; From is the row's id there.
	Row  int
	From string
	// Token is what is saved: without the source's id, with its data centre.
	Token  *tokenkeep.Token
	Action Action
	// Reason says why a row is skipped, or what is odd about one that is not.
	Reason string

	stored *tokenkeep.Token // what Update changes
}

// A Locator finds the data centre of an API domain.
type Locator func(apiDomain string) (code, accountsServer string, err error)

// Options of a [Plan].
type Options struct {
	// Locate fills in the data centre of rows that do not name it.
	Locate Locator
	// Replace lets a row replace another login of the same user in the store.
	Replace bool
}

// Plan decides what importing tokens into s does with every row, and changes
// nothing. An error means that the store could not be read, or that a row cannot
// be decided; then nothing should be imported.
//
// Of several rows that mean one token, the one whose access token ends last is
// taken. A login that the store has already is not added again, and one that the
// store has newer is left alone unless Replace is set.
func Plan(ctx context.Context, s tokenkeep.TokenStore, tokens []*tokenkeep.Token, opt Options) ([]*Item, error) {
	items := make([]*Item, len(tokens))
	for i, t := range tokens {
		items[i] = newItem(i+1, t, opt.Locate)
	}
	dropRepeated(items)
	for _, it := range items {
		if err := it.compare(ctx, s, opt.Replace); err != nil {
			return nil, fmt.Errorf("row %d: %w", it.Row, err)
		}
	}
	return items, nil
}

// newItem checks one row by itself.
func newItem(n int, t *tokenkeep.Token, locate Locator) *Item {
	it := &Item{Row: n, From: t.ID, Token: t.Clone(), Action: Add}
	it.Token.ID, it.Token.Version = "", 0
	it.Token.State, it.Token.Claim = tokenkeep.State{}, tokenkeep.Claim{}
	if err := it.Token.Validate(); err != nil {
		it.skip("%v", err)
		return it
	}
	it.locate(locate)
	return it
}

func (it *Item) skip(format string, args ...any) {
	it.Action, it.Reason = Skip, fmt.Sprintf(format, args...)
}

// locate fills in the data centre, which the files of Zoho's SDKs do not have.
func (it *Item) locate(locate Locator) {
	t := it.Token
	if locate == nil || t.APIDomain == "" || (t.AccountsServer != "" && t.DataCentre != "") {
		return
	}
	code, accounts, err := locate(t.APIDomain)
	if err != nil {
		it.Reason = fmt.Sprintf("unknown API domain %q: it can be refreshed only with --accounts-server and --api-domain", t.APIDomain)
		return
	}
	t.DataCentre, t.AccountsServer = code, accounts
}

// dropRepeated skips all but the best of the rows that mean one token.
func dropRepeated(items []*Item) {
	best := map[string]*Item{}
	for _, it := range items {
		key, ok := keyOf(it.Token)
		if it.Action == Skip || !ok {
			continue
		}
		old := best[key]
		switch {
		case old == nil:
			best[key] = it
		case it.newer(old):
			old.skip("row %d is a newer login of the same user, client and data centre", it.Row)
			best[key] = it
		default:
			it.skip("row %d is the same login, or a newer one of the same user, client and data centre", old.Row)
		}
	}
}

// keyOf returns what a save of t would look it up by.
func keyOf(t *tokenkeep.Token) (string, bool) {
	m, err := tokenkeep.MatchFor(t)
	if err != nil {
		return "", false
	}
	return fmt.Sprintf("%d\x00%s\x00%s\x00%s", m.Field, m.Value.Reveal(), m.ClientID, m.DataCentre), true
}

// newer reports whether it is the better of two rows: one that can be refreshed,
// then the one that ends later.
func (it *Item) newer(o *Item) bool {
	a, b := it.Token, o.Token
	if a.RefreshToken.IsZero() != b.RefreshToken.IsZero() {
		return b.RefreshToken.IsZero()
	}
	return a.Expiry.After(b.Expiry)
}

// compare decides between adding, updating and skipping by what s has.
func (it *Item) compare(ctx context.Context, s tokenkeep.TokenStore, replace bool) error {
	if it.Action == Skip {
		return nil
	}
	stored, err := s.FindToken(ctx, it.Token)
	switch {
	case errors.Is(err, tokenkeep.ErrNotFound), errors.Is(err, tokenkeep.ErrNoKey):
		return nil
	case err != nil:
		return err
	}
	same := it.Token.RefreshToken.IsZero() || it.Token.RefreshToken.Equal(stored.RefreshToken)
	switch {
	case same && !it.Token.Expiry.After(stored.Expiry):
		it.skip("the store has it already (token %s)", stored.ID)
	case !same && !replace && !stored.RefreshToken.IsZero():
		it.skip("the store has another login of this user (token %s); --replace takes this one instead", stored.ID)
	default:
		it.Action, it.stored = Update, stored
	}
	return nil
}

// Apply saves the items of a plan. If a save fails, the tokens that it added are
// removed again, so that nothing is half imported; then the error also says
// which tokens stay changed, if any. On success every saved item's Token has
// its id.
func Apply(ctx context.Context, s tokenkeep.TokenStore, items []*Item) error {
	var added []string
	for _, want := range []Action{Add, Update} { // what can be undone first
		for _, it := range items {
			if it.Action != want {
				continue
			}
			if err := it.save(ctx, s); err != nil {
				return errors.Join(fmt.Errorf("row %d: %w", it.Row, err), undo(ctx, s, added))
			}
			if want == Add {
				added = append(added, it.Token.ID)
			}
		}
	}
	return nil
}

func (it *Item) save(ctx context.Context, s tokenkeep.TokenStore) error {
	if it.Action == Add {
		return s.SaveToken(ctx, it.Token)
	}
	t := it.Token.Clone()
	if !t.RefreshToken.IsZero() && !t.RefreshToken.Equal(it.stored.RefreshToken) && len(t.Logins) == 0 {
		t.UsedAt = time.Now().Truncate(time.Millisecond)
		t.Logins = []time.Time{t.UsedAt} // a login of this moment, as far as anybody knows
	}
	row := tokenkeep.Merge(it.stored, t) // by compare-and-swap: a refresh meanwhile wins
	err := s.SaveToken(ctx, row)
	it.Token = row
	return err
}

// undo removes what was added, also after ctx has ended.
func undo(ctx context.Context, s tokenkeep.TokenStore, ids []string) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for _, id := range ids {
		if err := s.DeleteToken(ctx, id); err != nil && !errors.Is(err, tokenkeep.ErrNotFound) {
			errs = append(errs, fmt.Errorf("token %s was imported and could not be removed again: %w", id, err))
		}
	}
	return errors.Join(errs...)
}
