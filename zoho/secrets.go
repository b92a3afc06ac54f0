package zoho

import (
	"fmt"
	"slices"
	"sync"

	"github.com/tokenkeep/tokenkeep"
)

// An identity is a client id with the secrets to try, in order.
type identity struct {
	id      string
	secrets []tokenkeep.Secret
}

// identity returns who asks for row t (nil: a new login) at dc. The configured
// client uses the configured secrets, then the row's own; a row of another
// client has its own secret or none.
func (p *Provider) identity(op string, dc DataCentre, t *tokenkeep.Token) (identity, error) {
	who := identity{id: p.cfg.ClientID}
	own := t == nil || t.ClientID == "" || t.ClientID == p.cfg.ClientID
	if own {
		who.secrets = p.worked.first(dc, p.configured(dc))
	} else {
		who.id = t.ClientID
	}
	if t != nil && usableSecret(t.ClientSecret) && !slices.ContainsFunc(who.secrets, t.ClientSecret.Equal) {
		who.secrets = append(who.secrets, t.ClientSecret)
	}
	switch {
	case len(who.secrets) > 0:
		return who, nil
	case own:
		return who, misconfigured(op, "there is no client secret for data centre "+dc.Code, "configure the client's secret from Zoho's API console")
	}
	return who, misconfigured(op, fmt.Sprintf("the login belongs to client %s, and this program is client %s", clientName(t.ClientID), clientName(p.cfg.ClientID)),
		"run with that client's id and secret, or log in again with this one")
}

func (p *Provider) configured(dc DataCentre) []tokenkeep.Secret {
	if s := p.cfg.SecretsByDC[dc.Code]; len(s) > 0 {
		return s
	}
	return p.cfg.ClientSecrets
}

func usableSecret(s tokenkeep.Secret) bool { return !s.IsZero() && !hasBlank(s.Reveal()) }

// remembered holds the secret that worked last, by data centre. The zero value
// is empty; it is safe for concurrent use.
type remembered struct {
	mu   sync.Mutex
	byDC map[string]tokenkeep.Secret
}

// first returns a copy of secrets with the one that worked at dc in front.
func (r *remembered) first(dc DataCentre, secrets []tokenkeep.Secret) []tokenkeep.Secret {
	r.mu.Lock()
	worked := r.byDC[dc.Code]
	r.mu.Unlock()
	secrets = slices.Clone(secrets)
	if i := slices.IndexFunc(secrets, worked.Equal); i > 0 {
		secrets = slices.Concat(secrets[i:i+1], secrets[:i], secrets[i+1:])
	}
	return secrets
}

func (r *remembered) store(dc DataCentre, secret tokenkeep.Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byDC == nil {
		r.byDC = map[string]tokenkeep.Secret{}
	}
	r.byDC[dc.Code] = secret
}
