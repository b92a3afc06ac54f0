package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// schema names the form of the JSON.
const schema = "tokenkeep-export/v1"

// The document of an export.
type document struct {
	Schema string `json:"schema"`
	// Secrets is "clear" or "masked".
	Secrets string   `json:"secrets"`
	Tokens  []record `json:"tokens"`
}

const (
	clearText = "clear"
	masked    = "masked"
)

// A record is a token as JSON. Its secrets are text, masked or in clear as the
// document says.
type record struct {
	ID             string    `json:"id"`
	User           string    `json:"user"`
	ClientID       string    `json:"client_id"`
	ClientSecret   string    `json:"client_secret,omitempty"`
	RefreshToken   string    `json:"refresh_token,omitempty"`
	AccessToken    string    `json:"access_token,omitempty"`
	ExpiresAt      time.Time `json:"access_expires_at,omitzero"`
	GrantToken     string    `json:"grant_token,omitempty"`
	Candidates     []string  `json:"candidate_refresh_tokens,omitempty"`
	RedirectURL    string    `json:"redirect_url,omitempty"`
	APIDomain      string    `json:"api_domain,omitempty"`
	AccountsServer string    `json:"accounts_server,omitempty"`
	DC             string    `json:"dc,omitempty"`
	Scopes         []string  `json:"scopes,omitempty"`
	// Logins are the times of the logins that may still hold a place at the provider.
	Logins    []time.Time `json:"logins,omitempty"`
	CreatedAt time.Time   `json:"created_at,omitzero"`
	UpdatedAt time.Time   `json:"updated_at,omitzero"`
	UsedAt    time.Time   `json:"last_refresh_at,omitzero"`
}

// WriteJSON writes tokens as JSON, with their secrets in clear or masked.
func WriteJSON(w io.Writer, tokens []*tokenkeep.Token, secrets bool) error {
	show, word := tokenkeep.Secret.Masked, masked
	if secrets {
		show, word = tokenkeep.Secret.Reveal, clearText
	}
	d := document{Schema: schema, Secrets: word, Tokens: make([]record, len(tokens))}
	for i, t := range tokens {
		d.Tokens[i] = record{
			ID: t.ID, User: t.UserName, ClientID: t.ClientID, ClientSecret: show(t.ClientSecret),
			RefreshToken: show(t.RefreshToken), AccessToken: show(t.AccessToken), GrantToken: show(t.GrantToken),
			ExpiresAt: utc(t.Expiry), RedirectURL: t.RedirectURL, APIDomain: t.APIDomain,
			AccountsServer: t.AccountsServer, DC: t.DataCentre, Scopes: t.Scopes,
			Candidates: shown(t.Candidates, show), Logins: t.Logins,
			CreatedAt: utc(t.CreatedAt), UpdatedAt: utc(t.UpdatedAt), UsedAt: utc(t.UsedAt),
		}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// shown returns secrets as the document says.
func shown(secrets []tokenkeep.Secret, show func(tokenkeep.Secret) string) (texts []string) {
	for _, s := range secrets {
		texts = append(texts, show(s))
	}
	return texts
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// parseJSON reads an export. Its errors show nothing of it.
func parseJSON(data []byte) (*Source, error) {
	var d document
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&d); err != nil || d.Schema != schema {
		return nil, fmt.Errorf("JSON without schema %q: %w", schema, ErrUnknown)
	}
	if d.Secrets != clearText {
		return nil, errors.New("the export has no secrets; make it again with --include-secrets")
	}
	s := &Source{Kind: KindJSON}
	for _, r := range d.Tokens {
		s.Tokens = append(s.Tokens, r.token())
	}
	return s, nil
}

func (r *record) token() *tokenkeep.Token {
	var candidates []tokenkeep.Secret
	for _, c := range r.Candidates {
		candidates = append(candidates, tokenkeep.NewSecret(c))
	}
	return &tokenkeep.Token{
		ID: r.ID, UserName: r.User, ClientID: r.ClientID, ClientSecret: tokenkeep.NewSecret(r.ClientSecret),
		RefreshToken: tokenkeep.NewSecret(r.RefreshToken), AccessToken: tokenkeep.NewSecret(r.AccessToken),
		GrantToken: tokenkeep.NewSecret(r.GrantToken), Expiry: r.ExpiresAt, RedirectURL: r.RedirectURL,
		APIDomain: r.APIDomain, AccountsServer: r.AccountsServer, DataCentre: r.DC, Scopes: r.Scopes,
		UsedAt: r.UsedAt, Logins: r.Logins, Candidates: candidates,
	}
}
