package sealedstore_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/bench"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

const benchRows = 1000

// Each benchmark makes one operation on a plain SQLite store and on a sealed one, in
// turns, and reports the ratio of the medians.
func benchmark(b *testing.B, operation func(s tokenkeep.TokenStore, i int) error) {
	b.Helper()
	plain, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "plain.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	inner, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "sealed.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = inner.Close() }()
	sealed := newStore(b, inner, newKeyring(b), nil)
	for i := range benchRows {
		save(b, plain, token(rowName(i)))
		save(b, sealed, token(rowName(i)))
	}
	side := func(name string, s tokenkeep.TokenStore) bench.Side {
		i := 0
		return bench.Side{Name: name, Run: func(n int) {
			for range n {
				if err := operation(s, i%benchRows); err != nil {
					b.Fatal(err)
				}
				i += 7
			}
		}}
	}
	bench.Pair(b, side("plain", plain), side("sealed", sealed), 1)
}

func BenchmarkFindByID(b *testing.B) {
	benchmark(b, func(s tokenkeep.TokenStore, i int) error {
		_, err := s.FindTokenByID(b.Context(), fmt.Sprint(tokenkeep.FirstID+i))
		return err
	})
}

func BenchmarkFindByUserName(b *testing.B) {
	benchmark(b, func(s tokenkeep.TokenStore, i int) error {
		_, err := s.FindToken(b.Context(), &tokenkeep.Token{UserName: rowName(i), ClientID: "1000.CLIENT"})
		return err
	})
}

func BenchmarkFindByRefreshToken(b *testing.B) {
	benchmark(b, func(s tokenkeep.TokenStore, i int) error {
		_, err := s.FindToken(b.Context(), &tokenkeep.Token{ClientID: "1000.CLIENT", RefreshToken: token(rowName(i)).RefreshToken})
		return err
	})
}

// A save with a version, after the read that a refresh makes too.
func BenchmarkReadAndSave(b *testing.B) {
	benchmark(b, func(s tokenkeep.TokenStore, i int) error {
		t, err := s.FindTokenByID(b.Context(), fmt.Sprint(tokenkeep.FirstID+i))
		if err != nil {
			return err
		}
		return s.SaveToken(b.Context(), t)
	})
}
