package secretsmanager

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
)

// TestRecord: a record holds the secrets in clear, once, and two saves of one
// token are never equal.
func TestRecord(t *testing.T) {
	tok := &tokenkeep.Token{UserName: "ann", RefreshToken: tokenkeep.NewSecret("1000.r"), ClientSecret: tokenkeep.NewSecret("s")}
	a, err := json.Marshal(newRecord(tok))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(a), "redacted") || strings.Count(string(a), `"RefreshToken":"1000.r"`) != 1 {
		t.Error("the record does not hold the secrets of the token")
	}
	b, err := json.Marshal(newRecord(tok))
	if err != nil {
		t.Fatal(err)
	}
	if string(a) == string(b) {
		t.Error("two saves have equal records: the service would take both for one")
	}
}
