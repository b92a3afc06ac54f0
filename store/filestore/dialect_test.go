package filestore_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// Saving one token into a file of any SDK leaves all others as they were, and
// the file in the dialect that every SDK reads.
func TestSaveIntoSamples(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		t.Run(name, func(t *testing.T) {
			path := sample(t, name)
			before := read(t, path)
			s := open(t, path, nil)
			checkFields(t, list(t, s), samples[name])
			if read(t, path) != before {
				t.Error("reading changed the file")
			}
			tok := login("new")
			save(t, s, tok)

			want := append(slices.Clone(samples[name]), fieldsOf(byID(t, s, tok.ID)))
			checkFields(t, list(t, open(t, path, nil)), want)
			after := read(t, path)
			checkFields(t, parseAll(t, []byte(after)), want)
			if strings.Contains(after, "\r") || !strings.HasPrefix(after, headerLine) || !strings.HasSuffix(after, "\n") {
				t.Errorf("not the common dialect: %q", after)
			}
			_, err := os.Stat(path + ".before-tokenkeep")
			if foreign := strings.HasPrefix(name, "python"); foreign != (err == nil) {
				t.Errorf("copy of the old file: %v", err)
			} else if foreign && read(t, path+".before-tokenkeep") != before {
				t.Error("the copy differs from the old file")
			}
		})
	}
}

// A row whose value needs quotes is kept as its SDK wrote it, whatever else is
// saved, and can be refreshed; a new value that needs quotes is refused.
func TestRowsThatNeedQuotes(t *testing.T) {
	for name, c := range map[string]struct{ id, raw string }{
		"python_sdk_tokens.crlf_quoted.txt": {"2", `"Doe, Jane ""JD"""` + "|" + `"https://app.example/cb?a=1,2"`},
		"java_sdk_tokens.txt":               {"2", `"Doe, ""JD"""` + "|" + `"https://app.example/cb?a=1,2"`},
		"node_sdk_tokens.final.txt":         {"2", "https://app.example/cb?x=1,2,"},
	} {
		t.Run(name, func(t *testing.T) {
			path := sample(t, name)
			s := open(t, path, nil)
			old := byID(t, s, c.id)
			tok := old.Clone()
			tok.AccessToken, tok.Expiry = tokenkeep.NewSecret("1000.minted"), time.UnixMilli(1795000000000).UTC()
			save(t, s, tok)
			for raw := range strings.SplitSeq(c.raw, "|") {
				if !strings.Contains(read(t, path), raw) {
					t.Errorf("%s is gone from %q", raw, read(t, path))
				}
			}
			want := fieldsOf(old)
			want[5], want[7] = "1000.minted", "2026-11-18T11:06:40Z"
			if got := fieldsOf(byID(t, open(t, path, nil), c.id)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}

			before := read(t, path)
			tok.RedirectURL = "https://app.example/cb?a=1,2,3"
			err := s.SaveToken(t.Context(), tok)
			fe, ok := errors.AsType[*filestore.FieldError](err)
			if !ok || fe.Field != "redirect_url" || fe.Token != c.id || !errors.Is(err, tokenkeep.ErrInvalid) {
				t.Errorf("a new value with a comma: %v", err)
			}
			if read(t, path) != before {
				t.Error("the refused save changed the file")
			}
		})
	}
}

// What is no token, and columns beyond the tenth, are kept.
func TestNothingIsLost(t *testing.T) {
	wide := strings.TrimSpace(headerLine) + ",further\n" + row("1") + ",x\n# a note, with a comma\n" + row("2") + ",\"y,z\"\n"
	path := file(t, wide)
	s := open(t, path, nil)
	tok := byID(t, s, "1")
	tok.AccessToken = tokenkeep.NewSecret("1000.minted")
	save(t, s, tok)
	if got, want := read(t, path), strings.Replace(wide, "1000.a1", "1000.minted", 1); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	added := login("new")
	save(t, s, added)
	if !strings.HasSuffix(read(t, path), "/www.zohoapis.com,\n") {
		t.Errorf("a new row lacks the eleventh column: %q", read(t, path))
	}
	if got := byID(t, open(t, path, nil), added.ID); got.APIDomain != com {
		t.Errorf("API domain %q", got.APIDomain)
	}
}

// An expiry that cannot be understood counts as over and stays as it is.
func TestOddExpiryStays(t *testing.T) {
	path := file(t, headerLine+strings.Replace(row("1"), "1767225600000", "soon", 1)+"\n")
	s := open(t, path, nil)
	tok := byID(t, s, "1")
	if tok.Valid(time.Now(), 0) || tok.Expiry.IsZero() {
		t.Errorf("expiry %v", tok.Expiry)
	}
	tok.GrantToken = tokenkeep.NewSecret("1000.g")
	save(t, s, tok)
	if !strings.Contains(read(t, path), ",soon,") {
		t.Errorf("got %q", read(t, path))
	}
}
