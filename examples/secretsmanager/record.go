package secretsmanager

import (
	"crypto/rand"

	"github.com/tokenkeep/tokenkeep"
)

// A record is a token as the service keeps it. Its own strings hide the fields of
// the token with the same names, which encode as "[redacted]".
type record struct {
	tokenkeep.Token
	ClientSecret, RefreshToken, AccessToken, GrantToken string
	Candidates                                          []string
	// Save differs in every save: the service takes two equal values of one
	// version for one, and both writers would believe that theirs was saved.
	Save string
}

func newRecord(t *tokenkeep.Token) record {
	r := record{
		Token: *t, Save: rand.Text(),
		ClientSecret: t.ClientSecret.Reveal(), RefreshToken: t.RefreshToken.Reveal(),
		AccessToken: t.AccessToken.Reveal(), GrantToken: t.GrantToken.Reveal(),
	}
	for _, c := range t.Candidates {
		r.Candidates = append(r.Candidates, c.Reveal())
	}
	return r
}

// token returns the token, which has this version.
func (r *record) token(version int64) *tokenkeep.Token {
	t := r.Token
	t.Version = version
	t.ClientSecret, t.RefreshToken = tokenkeep.NewSecret(r.ClientSecret), tokenkeep.NewSecret(r.RefreshToken)
	t.AccessToken, t.GrantToken = tokenkeep.NewSecret(r.AccessToken), tokenkeep.NewSecret(r.GrantToken)
	for _, c := range r.Candidates {
		t.Candidates = append(t.Candidates, tokenkeep.NewSecret(c))
	}
	return &t
}
