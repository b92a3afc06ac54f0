package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A tokenServer is the authorization server of the keeper phase. It runs in the
// parent and counts.
type tokenServer struct {
	*httptest.Server

	mu      sync.Mutex // guards what follows
	mints   map[string][]string
	revoked map[string]bool
	held    map[string]chan struct{} // closed when a request of the held refresh token is there
}

// server starts a token server that ends with the check.
func (x *trial) server() *tokenServer {
	ts := &tokenServer{mints: map[string][]string{}, revoked: map[string]bool{}, held: map[string]chan struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", ts.token)
	mux.HandleFunc("POST /revoke", ts.revoke)
	ts.Server = httptest.NewServer(mux)
	x.onEnd(ts.Close)
	return ts
}

// token mints an access token for any refresh token. The first request with a
// held one is never answered: it ends with the process that sent it.
func (ts *tokenServer) token(w http.ResponseWriter, r *http.Request) {
	refresh := r.FormValue("refresh_token")
	ts.mu.Lock()
	minted := fmt.Sprintf("1000.minted.%d.%s", len(ts.mints[refresh])+1, refresh)
	ts.mints[refresh] = append(ts.mints[refresh], minted)
	arrived := ts.held[refresh]
	delete(ts.held, refresh)
	ts.mu.Unlock()
	if arrived != nil {
		close(arrived)
		<-r.Context().Done()
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": minted, "expires_in": 3600})
}

func (ts *tokenServer) revoke(_ http.ResponseWriter, r *http.Request) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.revoked[r.FormValue("token")] = true
}

// hold makes the next request with refresh wait forever, and returns a channel
// that is closed when it is there.
func (ts *tokenServer) hold(refresh tokenkeep.Secret) <-chan struct{} {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ch := make(chan struct{})
	ts.held[refresh.Reveal()] = ch
	return ch
}

// minted returns the access tokens that were minted with refresh.
func (ts *tokenServer) minted(refresh tokenkeep.Secret) []string {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return append([]string(nil), ts.mints[refresh.Reveal()]...)
}

func (ts *tokenServer) wasRevoked(access string) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.revoked[access]
}

// A provider is the client of a tokenServer. It sends every request once.
type provider struct {
	url    string
	client *http.Client
}

var _ tokenkeep.Provider = (*provider)(nil)

func newProvider(serverURL string) *provider {
	return &provider{url: serverURL, client: &http.Client{Transport: &http.Transport{}}}
}

// Exchange is not needed: logins of the suite are saved by hand.
func (p *provider) Exchange(context.Context, *tokenkeep.Grant) (*tokenkeep.Token, error) {
	return nil, &tokenkeep.Error{Class: tokenkeep.Misconfigured, Op: "exchange", Reason: "the suite's provider has no codes"}
}

// Refresh sends one request.
func (p *provider) Refresh(ctx context.Context, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := p.post(ctx, "/token", url.Values{"refresh_token": {t.RefreshToken.Reveal()}}, &answer); err != nil {
		return nil, &tokenkeep.Error{Class: tokenkeep.RetryLater, Op: "refresh", Unknown: true, Err: err}
	}
	return &tokenkeep.Token{
		AccessToken: secret(answer.AccessToken),
		Expiry:      time.Now().Add(time.Duration(answer.ExpiresIn) * time.Second),
	}, nil
}

// Revoke revokes the refresh token or, without one, the access token.
func (p *provider) Revoke(ctx context.Context, t *tokenkeep.Token) error {
	token := t.RefreshToken
	if token.IsZero() {
		token = t.AccessToken
	}
	return p.post(ctx, "/revoke", url.Values{"token": {token.Reveal()}}, nil)
}

// Audience allows the token server itself.
func (p *provider) Audience(*tokenkeep.Token) (tokenkeep.Audience, error) {
	u, err := url.Parse(p.url)
	if err != nil {
		return tokenkeep.Audience{}, err
	}
	return tokenkeep.Audience{Scheme: "Bearer", BaseURL: p.url, Hosts: []string{u.Host}}, nil
}

// Limits says that refresh tokens stay the same, and sets no quota.
func (p *provider) Limits() tokenkeep.Limits {
	return tokenkeep.Limits{Rotation: tokenkeep.RotationNone}
}

func (p *provider) post(ctx context.Context, path string, form url.Values, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the token server answers %s", resp.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}
