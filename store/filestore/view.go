package filestore

import (
	"hash/maphash"
	"iter"
	"slices"

	"github.com/tokenkeep/tokenkeep"
)

// A view is what the files held when they were last read or written, with an
// index. It is guarded by Store.mu and changed only by the holder of the turn.
type view struct {
	file      *file
	entries   []*entry // one for each row of file, in its order
	byID      map[string]*entry
	index     map[indexKey][]*entry
	rowsID    fileID // of the token file
	sideID    fileID // of the sidecar
	sure      bool   // equal times mean equal content: see fileID.fresh
	unsettled bool   // a row has no record of its own yet: see Store.settle
	dangling  bool   // a row goes by its last record but one
}

// An entry is one row with its record. Its token is never changed, only
// replaced, so that it can be read without a lock once it was got.
type entry struct {
	row   *row
	rec   *record
	token *tokenkeep.Token
	fresh bool // rec is not in the sidecar yet
	alien bool // the row has no id of its own
}

// An indexKey names a field and a hash of its value. The hash is seeded, and
// every hit is compared in constant time by tokenkeep.Match.
type indexKey struct {
	field tokenkeep.Field
	hash  uint64
}

// newEntry returns the entry of a row, with its token unless the row is text.
func newEntry(r *row, rec *record) *entry {
	e := &entry{row: r, rec: rec}
	if r.isToken() {
		e.token = r.token()
		rec.extras(e.token, r)
	}
	return e
}

func newView(f *file) *view {
	return &view{file: f, byID: map[string]*entry{}, index: map[indexKey][]*entry{}}
}

var indexed = [...]tokenkeep.Field{
	tokenkeep.ByUserName, tokenkeep.ByAccessToken, tokenkeep.ByGrantToken, tokenkeep.ByRefreshToken,
}

// keys yields the index keys of t.
func keys(seed maphash.Seed, t *tokenkeep.Token) iter.Seq[indexKey] {
	return func(yield func(indexKey) bool) {
		for _, f := range indexed {
			v := tokenkeep.Match{Field: f}.Of(t)
			if !v.IsZero() && !yield(keyOf(seed, f, v)) {
				return
			}
		}
	}
}

func keyOf(seed maphash.Seed, f tokenkeep.Field, v tokenkeep.Secret) indexKey {
	return indexKey{field: f, hash: maphash.String(seed, v.Reveal())}
}

// add appends an entry.
func (v *view) add(seed maphash.Seed, e *entry) {
	v.entries = append(v.entries, e)
	if e.token == nil {
		return
	}
	if _, taken := v.byID[e.token.ID]; !taken && e.token.ID != "" {
		v.byID[e.token.ID] = e
	}
	for k := range keys(seed, e.token) {
		v.index[k] = append(v.index[k], e)
	}
}

// update puts the row, record and token of n into e.
func (v *view) update(seed maphash.Seed, e, n *entry) {
	for k := range keys(seed, e.token) {
		v.index[k] = slices.DeleteFunc(v.index[k], func(o *entry) bool { return o == e })
		if len(v.index[k]) == 0 {
			delete(v.index, k)
		}
	}
	*e = *n
	for k := range keys(seed, e.token) {
		v.index[k] = append(v.index[k], e)
	}
}

// candidates yields the tokens that m may mean: those whose field has its hash.
func (v *view) candidates(seed maphash.Seed, m tokenkeep.Match) iter.Seq[*tokenkeep.Token] {
	return func(yield func(*tokenkeep.Token) bool) {
		for _, e := range v.index[keyOf(seed, m.Field, m.Value)] {
			if !yield(e.token) {
				return
			}
		}
	}
}

// tokens returns all tokens in the order of their ids.
func (v *view) tokens() []*tokenkeep.Token {
	all := make([]*tokenkeep.Token, 0, len(v.entries))
	for _, e := range v.entries {
		if e.token != nil {
			all = append(all, e.token)
		}
	}
	slices.SortStableFunc(all, func(a, b *tokenkeep.Token) int { return tokenkeep.CompareIDs(a.ID, b.ID) })
	return all
}

// count returns the number of tokens.
func (v *view) count() int {
	n := 0
	for _, e := range v.entries {
		if e.token != nil {
			n++
		}
	}
	return n
}
