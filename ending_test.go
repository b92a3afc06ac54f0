package tokenkeep

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"
)

// saved stores a login of user, changed by edit, and returns its row.
func savedLogin(t *testing.T, s TokenStore, user string, edit func(*Token)) *Token {
	t.Helper()
	row := &Token{
		UserName: user, ClientID: "1000.CLIENT", DataCentre: "eu",
		RefreshToken: NewSecret("1000.refresh." + user), AccessToken: NewSecret("1000.access." + user),
		Expiry: time.Now().Add(time.Hour), APIDomain: "https://www.zohoapis.eu", UsedAt: time.Now(),
	}
	if edit != nil {
		edit(row)
	}
	must(t, s.SaveToken(t.Context(), row))
	return row
}

// rowsOf returns what is stored, by user.
func rowsOf(t *testing.T, s TokenStore) map[string]*Token {
	t.Helper()
	rows := map[string]*Token{}
	for row, err := range s.GetTokens(t.Context()) {
		must(t, err)
		rows[row.UserName+"@"+row.DataCentre] = row
	}
	return rows
}

// describe returns endings as text, one line each.
func describe(list []Ending) (lines []string) {
	for _, e := range list {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s %q %v %v", e.TokenID, e.UserName, e.ClientID, e.DataCentre, e.Cause, e.Reason, e.Revoke, e.Err))
	}
	return lines
}

// A crowdStore yields n rows that it makes as they are read, and counts them.
type crowdStore struct {
	TokenStore
	n       int
	row     func(i int) *Token
	yielded atomic.Int64
}

func (s *crowdStore) GetTokens(ctx context.Context) iter.Seq2[*Token, error] {
	return func(yield func(*Token, error) bool) {
		for i := range s.n {
			s.yielded.Add(1)
			if !yield(s.row(i), nil) {
				return
			}
		}
	}
}

func (s *crowdStore) FindTokenByID(_ context.Context, id string) (*Token, error) {
	var i int
	if _, err := fmt.Sscan(id, &i); err != nil {
		return nil, err
	}
	return s.row(i - FirstID), nil
}

func (s *crowdStore) DeleteToken(context.Context, string) error { return nil }
