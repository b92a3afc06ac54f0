package filestore_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// benchToken returns token i, of about 300 bytes.
func benchToken(i int) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName:     fmt.Sprintf("user%05d@example.com:60001%05d", i, i),
		ClientID:     "1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123",
		ClientSecret: tokenkeep.NewSecret("0123456789abcdef0123456789abcdef01234567"),
		RefreshToken: tokenkeep.NewSecret(fmt.Sprintf("1000.%032d.%032d", i, i)),
		AccessToken:  tokenkeep.NewSecret(fmt.Sprintf("1000.%032d.%032d", i, 0)),
		Expiry:       time.UnixMilli(1795459190603),
		RedirectURL:  "https://app.example/oauth/callback",
		APIDomain:    "https://www.zohoapis.com",
		DataCentre:   "us",
	}
}

// filled returns a store of n tokens and its path.
func filled(b *testing.B, n int) (*filestore.Store, string) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "sdk_tokens.txt")
	var tokens []*tokenkeep.Token
	for i := range n {
		t := benchToken(i)
		t.ID = fmt.Sprint(tokenkeep.FirstID + i)
		tokens = append(tokens, t)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = filestore.Write(f, tokens)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	s, err := filestore.Open(path, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s, path
}

// bare rewrites path durably with nothing around it: what a save cannot beat.
func bare(path string, content []byte) error {
	dir := filepath.Dir(path)
	f, err := os.OpenFile(filepath.Join(dir, "."+rand.Text()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// interleave runs the two functions in turn and reports the medians and their
// ratio.
func interleave(b *testing.B, bare, ours func(i int) error) {
	b.Helper()
	var times [2][]time.Duration
	for i := 0; b.Loop(); i++ {
		for k, f := range []func(int) error{bare, ours} {
			start := time.Now()
			if err := f(i); err != nil {
				b.Fatal(err)
			}
			times[k] = append(times[k], time.Since(start))
		}
	}
	medians := [2]time.Duration{median(times[0]), median(times[1])}
	b.ReportMetric(float64(medians[0].Nanoseconds())/1e3, "bare-us")
	b.ReportMetric(float64(medians[1].Nanoseconds())/1e3, "ours-us")
	b.ReportMetric(float64(medians[1])/float64(medians[0]), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkSave compares saves with the bare durable rewrite of the same bytes:
// refresh replaces an access token by compare-and-swap, claim writes what the
// ten columns have no room for, login adds a data centre at the same time.
func BenchmarkSave(b *testing.B) {
	for _, n := range []int{1, 100, 10000} {
		for kind, change := range map[string]func(t *tokenkeep.Token, i int){
			"refresh": func(t *tokenkeep.Token, i int) {
				t.AccessToken = tokenkeep.NewSecret(fmt.Sprintf("1000.%032d.%032d", 7, i))
			},
			"claim": func(t *tokenkeep.Token, i int) { t.Claim = tokenkeep.Claim{Owner: fmt.Sprint("p", i)} },
			"login": func(t *tokenkeep.Token, i int) {
				t.RefreshToken = tokenkeep.NewSecret(fmt.Sprintf("1000.%032d.%032d", 8, i))
			},
		} {
			b.Run(fmt.Sprintf("%s/n=%d", kind, n), func(b *testing.B) { benchSave(b, n, change) })
		}
	}
}

func benchSave(b *testing.B, n int, change func(*tokenkeep.Token, int)) {
	s, path := filled(b, n)
	ctx := b.Context()
	tok, err := s.FindToken(ctx, &tokenkeep.Token{UserName: benchToken(n / 2).UserName})
	if err != nil {
		b.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	other := filepath.Join(b.TempDir(), "bare")
	interleave(b,
		func(int) error { return bare(other, content) },
		func(i int) error {
			change(tok, i)
			return s.SaveToken(ctx, tok)
		})
}

// BenchmarkFind looks tokens up in files of 1, 100 and 10,000 tokens that do not
// change, in turn. It must not depend on the number.
func BenchmarkFind(b *testing.B) {
	sizes := []int{1, 100, 10000}
	var finds []func() error
	for _, n := range sizes {
		s, _ := filled(b, n)
		partial := &tokenkeep.Token{UserName: benchToken(n / 2).UserName}
		finds = append(finds, func() error {
			_, err := s.FindToken(b.Context(), partial)
			return err
		})
	}
	time.Sleep(50 * time.Millisecond) // until the files' times can be trusted
	times := make([][]time.Duration, len(sizes))
	b.ReportAllocs()
	for b.Loop() {
		for i, find := range finds {
			start := time.Now()
			for range 20 {
				if err := find(); err != nil {
					b.Fatal(err)
				}
			}
			times[i] = append(times[i], time.Since(start)/20)
		}
	}
	first := median(times[0])
	for i, n := range sizes {
		b.ReportMetric(float64(median(times[i]).Nanoseconds())/1e3, fmt.Sprintf("n=%d-us", n))
		b.ReportMetric(float64(median(times[i]))/float64(first), fmt.Sprintf("n=%d-ratio", n))
	}
}

// BenchmarkList reads all tokens of a file that does not change.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{1, 100, 10000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			s, _ := filled(b, n)
			time.Sleep(50 * time.Millisecond)
			for b.Loop() {
				for _, err := range s.GetTokens(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
