package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// Where no trigger counts the version of a row for programs that know none, the
// row itself shows that such a program wrote it last: see [foreign]. A save with a
// version then conflicts. A read adopts the row: it counts the version once for
// all that was written since, and clears what belonged to an earlier login.

// fingerprint is what the column seen holds: digests of the refresh token, the
// access token and the API domain that this package wrote last.
func fingerprint(t *tokenkeep.Token) string {
	return digest(t.RefreshToken.Reveal()) + " " + digest(t.AccessToken.Reveal()) + " " + digest(t.APIDomain)
}

// digest returns 12 characters that differ for different values.
func digest(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// adopted makes t what it is after a foreign write at now, as tokenkeep.Merge would:
// a new refresh token is a new login, a new access token shows that the login works.
//
// A row that this package never wrote has nothing to clear. Its version begins at
// the time in milliseconds: Zoho's SDKs give the id of the last row again when that
// was deleted, and who still holds a version of it must not save over the new row.
func adopted(t *tokenkeep.Token, seen string, now time.Time) {
	before, after := strings.Fields(seen), strings.Fields(fingerprint(t))
	if len(before) != len(after) {
		t.Version = max(t.Version+1, now.UnixMilli())
		return
	}
	t.Version++
	if before[0] != after[0] {
		t.State, t.Claim, t.Mints, t.Candidates, t.Scopes = tokenkeep.State{}, tokenkeep.Claim{}, nil, nil, nil
		t.Logins, t.UsedAt = loginsAnd(t, now), time.Time{}
		if before[2] != after[2] {
			t.AccountsServer, t.DataCentre = "", ""
		}
	}
	if before[1] != after[1] {
		t.State = tokenkeep.State{}
	}
}

// maxLogins bounds how many logins of other programs a row counts. No provider
// keeps as many.
const maxLogins = 100

// loginsAnd returns the logins of t, which counts as one if it knows of none, and a
// new one.
func loginsAnd(t *tokenkeep.Token, at time.Time) []time.Time {
	logins := slices.Clone(t.Logins)
	if len(logins) == 0 && !t.CreatedAt.IsZero() {
		logins = append(logins, t.CreatedAt)
	}
	logins = append(logins, at.UTC().Truncate(time.Millisecond))
	return logins[max(0, len(logins)-maxLogins):]
}

// adopt turns the token of r, just read, into what it is after a foreign write, and
// writes that down. The error wraps ErrConflict if the row has changed meanwhile.
//
// Outside of a transaction, a store that cannot be written right now does not keep
// anybody from reading: the row is adopted by a later read then, and saves of it
// conflict until that.
func (s *Store) adopt(ctx context.Context, tx *sql.Tx, r row) error {
	version := r.Version
	adopted(r.Token, r.seen, time.Now())
	if tx != nil {
		return s.adoptOnce(ctx, tx, r, version)
	}
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	err = s.retried(ctx, func() error { return s.adoptOnce(ctx, nil, r, version) })
	if err == nil || errors.Is(err, tokenkeep.ErrConflict) || ctx.Err() != nil {
		return err
	}
	s.logger.DebugContext(ctx, "a row that another program wrote was read and could not be marked as read",
		"table", s.names.table, "id", r.ID, "error", s.fail(ctx, "adopt", err))
	return nil
}

func (s *Store) adoptOnce(ctx context.Context, tx *sql.Tx, r row, version int64) error {
	if err := s.raise(ctx, tx, foreignID(r.Token, r.seen)); err != nil {
		return err
	}
	return changed(r.ID, version)(s.exec(ctx, tx, s.stmts.adopt, s.adoptArgs(r.Token, version, r.mark)...))
}

func (s *Store) adoptArgs(t *tokenkeep.Token, version int64, mark string) []any {
	v := values(t, t.UpdatedAt)
	args := append(make([]any, 0, 13+s.stmts.keyArgs), v[colAccountsServer-2:colLogins-1]...)
	args = append(args, v[colUsedAt-2], t.Version, fingerprint(t))
	return append(s.stmts.key(args, t.ID), version, mark)
}

// foreignID returns the id of a row that another program inserted, if it is one
// that the counter of ids might reach, and else 0. Ids beyond 2147483647 break the
// Java SDK and are none of theirs.
func foreignID(t *tokenkeep.Token, seen string) int64 {
	n, err := strconv.ParseInt(t.ID, 10, 32)
	if seen != "" || err != nil || n < tokenkeep.FirstID {
		return 0
	}
	return n
}

// raise makes sure that ids up to id are not given again.
func (s *Store) raise(ctx context.Context, tx *sql.Tx, id int64) error {
	if id == 0 {
		return nil
	}
	_, err := s.exec(ctx, tx, s.stmts.raise, id, id)
	return err
}
