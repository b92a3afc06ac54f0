package filestore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// FuzzParse: no input panics; tokens that can be written come back as they were;
// and saving a token into a file that can be opened loses none.
func FuzzParse(f *testing.F) {
	for name := range samples {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("user_mail,client_id,refresh_token,access_token,grant_token,expiry_time\na,b,c,d,e,1\n"))
	f.Add([]byte(headerLine + "1,\"a\n,b,c,d,e,f,1,g,h\n2,\"x\ny\",c,d,e,f,,1,g,h"))
	f.Fuzz(func(t *testing.T, data []byte) {
		filestore.IsTokenFile(data)
		tokens, _, err := filestore.Parse(bytes.NewReader(data))
		if err != nil {
			return
		}
		var buf bytes.Buffer
		if err := filestore.Write(&buf, tokens); err == nil && distinct(tokens) {
			checkAgain(t, tokens, buf.Bytes())
		}
		if again, err := filestore.Rewrite(data); err == nil { // else nothing would be written
			checkAgain(t, tokens, again)
		}
	})
}

// distinct reports whether no token repeats another: reading drops those that do.
// In a file they may differ in columns after the tenth.
func distinct(tokens []*tokenkeep.Token) bool {
	seen := map[fields]bool{}
	for _, t := range tokens {
		seen[fieldsOf(t)] = true
	}
	return len(seen) == len(tokens)
}

// checkAgain checks that data holds tokens.
func checkAgain(t *testing.T, tokens []*tokenkeep.Token, data []byte) {
	t.Helper()
	again, _, err := filestore.Parse(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	if len(again) != len(tokens) {
		t.Fatalf("%d tokens became %d in %q", len(tokens), len(again), data)
	}
	for i := range tokens {
		if got, want := fieldsOf(again[i]), fieldsOf(tokens[i]); got != want {
			t.Errorf("token %d:\n got %q\nwant %q\n  in %q", i, got, want, data)
		}
	}
}
