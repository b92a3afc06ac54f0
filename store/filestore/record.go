package filestore

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// schema is the version of the sidecar's format.
const schema = 1

// A header is the first line of the sidecar.
type header struct {
	Schema int   `json:"tokenkeep_sidecar"`
	Last   int64 `json:"last_id"` // the largest id ever seen
	Floor  int64 `json:"floor"`   // the largest version of a row that is gone
}

// A record is what the sidecar knows of a row in one version. Digests bind it to
// the row; it holds no secret.
type record struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Row     string `json:"row,omitempty"`     // digest of the ten values
	Who     string `json:"who,omitempty"`     // digest of user name, client id and API domain
	Refresh string `json:"refresh,omitempty"` // digest of the refresh token
	Access  string `json:"access,omitempty"`  // digest of the access token
	Deleted bool   `json:"deleted,omitempty"` // the row was deleted under this version

	AccountsServer string          `json:"accounts_server,omitempty"`
	DataCentre     string          `json:"data_centre,omitempty"`
	Scopes         []string        `json:"scopes,omitempty"`
	State          tokenkeep.State `json:"state,omitzero"`
	Claim          tokenkeep.Claim `json:"claim,omitzero"`
	Mints          []time.Time     `json:"mints,omitempty"`
	Logins         []time.Time     `json:"logins,omitempty"`
	Candidates     string          `json:"candidates,omitempty"` // encrypted: see sealCandidates
	CreatedAt      time.Time       `json:"created,omitzero"`
	UpdatedAt      time.Time       `json:"updated,omitzero"`
	UsedAt         time.Time       `json:"used,omitzero"`
}

// bind ties the record to the values of a row.
func (r *record) bind(w *row) {
	v := &w.val
	r.ID = v[colID]
	r.Row = w.digest()
	r.Who = digest(v[colUserName], v[colClientID], v[colAPIDomain])[:22]
	r.Refresh = digest(v[colRefreshToken])[:22]
	r.Access = digest(v[colAccessToken])[:22]
}

// describes reports whether the record was written for a row with this digest.
func (r *record) describes(rowDigest string) bool {
	return r != nil && !r.Deleted && r.Row == rowDigest
}

// extras sets what the record adds to the ten columns of the row w.
func (r *record) extras(t *tokenkeep.Token, w *row) {
	t.Version = r.Version
	t.AccountsServer, t.DataCentre, t.Scopes = r.AccountsServer, r.DataCentre, r.Scopes
	t.State, t.Claim, t.Mints = r.State, r.Claim, r.Mints
	t.Logins, t.Candidates = r.Logins, openCandidates(r.Candidates, w)
	t.CreatedAt, t.UpdatedAt, t.UsedAt = r.CreatedAt, r.UpdatedAt, r.UsedAt
}

// recordOf returns the record for t in the row w.
func recordOf(t *tokenkeep.Token, w *row) (*record, error) {
	candidates, err := sealCandidates(t.Candidates, w)
	if err != nil {
		return nil, err
	}
	r := &record{
		Version:        t.Version,
		AccountsServer: t.AccountsServer, DataCentre: t.DataCentre, Scopes: t.Scopes,
		State: t.State, Claim: t.Claim, Mints: t.Mints, Logins: t.Logins, Candidates: candidates,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, UsedAt: t.UsedAt,
	}
	r.bind(w)
	return r, nil
}

// sameLogin reports whether two records agree in what a power failure must not
// take from a login, so that writing the newer one need not wait for the disk:
// see [Store.commit].
func (r *record) sameLogin(o *record) bool {
	return o != nil && r.Refresh == o.Refresh && r.AccountsServer == o.AccountsServer &&
		r.DataCentre == o.DataCentre && r.State == o.State && len(r.Scopes) == len(o.Scopes) &&
		r.Candidates == o.Candidates && slices.EqualFunc(r.Logins, o.Logins, time.Time.Equal)
}

// digest returns a digest of values: equal only if all of them are.
func digest(values ...string) string {
	buf := make([]byte, 0, 512)
	for _, v := range values {
		buf = binary.AppendUvarint(buf, uint64(len(v)))
		buf = append(buf, v...)
	}
	sum := sha256.Sum256(buf)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// appendLine appends v as a line of the sidecar: a checksum, which tells a line
// that was not written to its end, and JSON.
func appendLine(b []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode sidecar: %w", err)
	}
	b = fmt.Appendf(b, "%08x ", crc32.ChecksumIEEE(text))
	b = append(b, text...)
	return append(b, '\n'), nil
}

// parseLine reads a line without its end into v. It reports false for a line
// that is damaged or unfinished.
func parseLine(line []byte, v any) bool {
	if len(line) < 10 || line[8] != ' ' {
		return false
	}
	text := line[9:]
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) == string(line[:8]) && json.Unmarshal(text, v) == nil
}
