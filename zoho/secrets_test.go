package zoho_test

import (
	"slices"
	"testing"

	"github.com/tokenkeep/tokenkeep"
)

// accepting answers with a token to one secret, and refuses the others.
func accepting(good string) *stub {
	return &stub{answer: func(r sent) (int, string) {
		if r.form.Get("client_secret") != good {
			return 200, `{"error":"invalid_client_secret"}`
		}
		return 200, success
	}}
}

func tried(s *stub) []string {
	var list []string
	for _, r := range s.requests() {
		list = append(list, r.form.Get("client_secret"))
	}
	return list
}

func TestSecretsAreTriedInOrderAndRemembered(t *testing.T) {
	s := accepting("new-secret")
	cfg := config(s)
	cfg.ClientSecrets = []tokenkeep.Secret{secret("old-secret"), secret("new-secret"), secret("third")}
	log, text := newLog()
	cfg.Logger, cfg.SaveClientSecret = log, true
	p := newProvider(t, cfg)
	for range 2 {
		tok, err := p.Refresh(t.Context(), row())
		if err != nil || tok.ClientSecret.Reveal() != "new-secret" {
			t.Fatalf("the secret that worked is not kept: %v", err)
		}
	}
	if got := tried(s); !slices.Equal(got, []string{"old-secret", "new-secret", "new-secret"}) {
		t.Errorf("tried %q", got)
	}
	wantText(t, text.String(), "a client secret was refused")
}

// Any other answer ends the attempts: the request may have done something.
func TestOnlyARefusedSecretLeadsToTheNext(t *testing.T) {
	for _, c := range answerCases() {
		if c.code == "invalid_client_secret" {
			continue
		}
		s := &stub{status: c.status, body: c.body}
		cfg := config(s)
		cfg.ClientSecrets = []tokenkeep.Secret{secret("one-secret"), secret("two-secret")}
		if _, err := newProvider(t, cfg).Refresh(t.Context(), row()); err == nil || len(s.requests()) != 1 {
			t.Errorf("%s: %d requests, %v", c.name, len(s.requests()), err)
		}
	}
}

func TestAllSecretsRefused(t *testing.T) {
	s := accepting("another")
	cfg := config(s)
	cfg.ClientSecrets = []tokenkeep.Secret{secret("one-secret"), secret("two-secret")}
	_, err := newProvider(t, cfg).Refresh(t.Context(), row())
	if e := wantClass(t, err, tokenkeep.Misconfigured); e.Code != "invalid_client_secret" || len(s.requests()) != 2 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
}

func TestWhichSecretARowUses(t *testing.T) {
	byDC := map[string][]tokenkeep.Secret{"EU": {secret("eu-secret")}}
	for name, c := range map[string]struct {
		row  tokenkeep.Token
		want []string // nil: Misconfigured, without a request
	}{
		"of its data centre":        {tokenkeep.Token{ClientID: clientID, DataCentre: "eu"}, []string{"eu-secret"}},
		"of the others":             {tokenkeep.Token{ClientID: clientID, DataCentre: "in"}, []string{clientSecret}},
		"no client id":              {tokenkeep.Token{DataCentre: "eu"}, []string{"eu-secret"}},
		"its own last":              {tokenkeep.Token{DataCentre: "eu", ClientSecret: secret("own-secret")}, []string{"eu-secret", "own-secret"}},
		"its own, configured too":   {tokenkeep.Token{DataCentre: "eu", ClientSecret: secret("eu-secret")}, []string{"eu-secret"}},
		"its own, spoiled":          {tokenkeep.Token{DataCentre: "eu", ClientSecret: secret("own\nsecret")}, []string{"eu-secret"}},
		"another client":            {tokenkeep.Token{ClientID: "1000.OTHER", ClientSecret: secret("own-secret")}, []string{"own-secret"}},
		"another client, no secret": {tokenkeep.Token{ClientID: "1000.OTHER"}, nil},
	} {
		s := accepting("none of them")
		cfg := config(s)
		cfg.SecretsByDC = byDC
		c.row.RefreshToken = secret("r")
		_, err := newProvider(t, cfg).Refresh(t.Context(), &c.row)
		wantClass(t, err, tokenkeep.Misconfigured)
		if got := tried(s); !slices.Equal(got, c.want) {
			t.Errorf("%s: tried %q, want %q", name, got, c.want)
		}
		for _, r := range s.requests() {
			if id := r.form.Get("client_id"); c.row.ClientID != "" && id != c.row.ClientID {
				t.Errorf("%s: client id %q", name, id)
			}
		}
	}
}

func TestNoSecretAtAll(t *testing.T) {
	s := &stub{}
	cfg := config(s)
	cfg.ClientSecrets = nil
	p := newProvider(t, cfg)
	_, err := p.Exchange(t.Context(), grant())
	wantText(t, wantClass(t, err, tokenkeep.Misconfigured).Error(), "no client secret")
	if len(s.requests()) != 0 {
		t.Error("a request was sent")
	}
}
