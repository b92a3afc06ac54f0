package zoho_test

import (
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

const code = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210"

func TestCallback(t *testing.T) {
	p := newProvider(t, config(nil))
	a := zoho.Authorization{State: "S-1_x", RedirectURL: redirectURL, Verifier: secret("verify"), Scopes: []string{"A"}, UserName: "ann"}
	const eu = "accounts-server=https%3A%2F%2Faccounts.zoho.eu"
	for name, c := range map[string]struct{ in, accounts, location string }{
		"as Zoho sends it":       {redirectURL + "?state=S-1_x&code=" + code + "&location=eu&" + eu + "&", "https://accounts.zoho.eu", "eu"},
		"query":                  {"state=S-1_x&code=" + code + "&location=eu&" + eu, "https://accounts.zoho.eu", "eu"},
		"query and mark":         {"?state=S-1_x&code=" + code + "&location=eu&" + eu + "&&", "https://accounts.zoho.eu", "eu"},
		"blanks, fragment":       {" \n" + redirectURL + "?code=" + code + "&state=S-1_x&" + eu + "#top\r\n", "https://accounts.zoho.eu", "eu"},
		"location alone":         {"state=S-1_x&code=" + code + "&location=in", "https://accounts.zoho.in", "in"},
		"neither":                {"state=S-1_x&code=" + code, "https://accounts.zoho.com", "us"},
		"unknown location":       {"state=S-1_x&code=" + code + "&location=mars&" + eu, "https://accounts.zoho.eu", "eu"},
		"server in plain":        {"state=S-1_x&code=" + code + "&accounts-server=https://accounts.zoho.eu/", "https://accounts.zoho.eu", "eu"},
		"error beside the code":  {"state=S-1_x&code=" + code + "&error=x", "https://accounts.zoho.com", "us"},
		"query in the redirect":  {"http://127.0.0.1:9/cb?x=1&state=S-1_x&code=" + code, "https://accounts.zoho.com", "us"},
		"percent-encoded code":   {"state=S-1_x&code=" + strings.ReplaceAll(code, ".", "%2E"), "https://accounts.zoho.com", "us"},
		"empty location, server": {"state=S-1_x&code=" + code + "&location=&accounts-server=", "https://accounts.zoho.com", "us"},
	} {
		g, err := p.Callback(a, c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if g.AccountsServer != c.accounts || g.Location != c.location {
			t.Errorf("%s: %s at %s", name, g.Location, g.AccountsServer)
		}
		if g.Code.Reveal() != code || g.RedirectURL != redirectURL || !g.Verifier.Equal(a.Verifier) || g.UserName != "ann" || len(g.Scopes) != 1 {
			t.Errorf("%s: the grant lacks something: %+v", name, g)
		}
	}
}

func TestCallbackRefuses(t *testing.T) {
	const ok = "state=S&code=" + code
	for name, c := range map[string]struct {
		in    string
		class tokenkeep.Class
		code  string
		says  string
	}{
		"user said no":           {"error=access_denied&state=S&", tokenkeep.NeedsLogin, "access_denied", "said no"},
		"user said no, no state": {"error=access_denied", tokenkeep.NeedsLogin, "access_denied", "said no"},
		"denial of another":      {"error=access_denied&state=T", tokenkeep.NeedsLogin, "state_mismatch", "another login"},
		"other error":            {"error=server_error&state=S", tokenkeep.NeedsLogin, "server_error", "server_error"},
		"no state":               {"code=" + code, tokenkeep.NeedsLogin, "state_mismatch", "another login"},
		"other state":            {"state=s&code=" + code, tokenkeep.NeedsLogin, "state_mismatch", "another login"},
		"longer state":           {"state=SS&code=" + code, tokenkeep.NeedsLogin, "state_mismatch", "another login"},
		"no code":                {"state=S", tokenkeep.NeedsLogin, "", "no usable code"},
		"line in code":           {"state=S&code=a%0Ab", tokenkeep.NeedsLogin, "", "no usable code"},
		"code twice":             {ok + "&code=x", tokenkeep.NeedsLogin, "", "twice"},
		"state twice":            {ok + "&state=S", tokenkeep.NeedsLogin, "", "twice"},
		"server twice":           {ok + "&accounts-server=https://accounts.zoho.eu&accounts-server=https://evil.example", tokenkeep.NeedsLogin, "", "twice"},
		"forged server":          {ok + "&location=us&accounts-server=https%3A%2F%2Faccounts.zoho.com.evil.example", tokenkeep.Misconfigured, "", `unknown accounts server "https://accounts.zoho.com.evil.example"`},
		"plain http":             {ok + "&accounts-server=http://accounts.zoho.com", tokenkeep.Misconfigured, "", "unknown accounts server"},
		"userinfo":               {ok + "&accounts-server=https://accounts.zoho.com@evil.example", tokenkeep.Misconfigured, "", "unknown accounts server"},
		"loopback":               {ok + "&accounts-server=http://127.0.0.1:1", tokenkeep.Misconfigured, "", "unknown accounts server"},
		"contradiction":          {ok + "&location=us&accounts-server=https://accounts.zoho.eu", tokenkeep.Misconfigured, "", "contradicts"},
		"unknown location":       {ok + "&location=mars", tokenkeep.Misconfigured, "", `unknown data centre "mars"`},
		"bad encoding":           {ok + "&x=%zz", tokenkeep.NeedsLogin, "", "not a URL"},
		"empty":                  {"", tokenkeep.NeedsLogin, "state_mismatch", ""},
		"absurdly long":          {ok + "&x=" + strings.Repeat("x", 20<<10), tokenkeep.NeedsLogin, "", "16 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := newProvider(t, config(nil)).Callback(zoho.Authorization{State: "S"}, c.in)
			if err == nil {
				t.Fatalf("accepted: %+v", g)
			}
			e := wantClass(t, err, c.class)
			if e.Code != c.code {
				t.Errorf("code %q, want %q", e.Code, c.code)
			}
			wantText(t, err.Error(), c.says)
			if strings.Contains(err.Error(), code) {
				t.Error("the error shows the code")
			}
		})
	}
}

// Without a state of its own an authorization matches nothing.
func TestCallbackNeedsAnAuthorization(t *testing.T) {
	_, err := newProvider(t, config(nil)).Callback(zoho.Authorization{}, "state=&code="+code)
	if e := wantClass(t, err, tokenkeep.NeedsLogin); e.Code != "state_mismatch" {
		t.Error(err)
	}
}

// A custom accounts server stands for any location.
func TestCallbackCustomServer(t *testing.T) {
	lab, err := zoho.Custom("", "http://127.0.0.1:8001", "http://127.0.0.1:8002")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(nil)
	cfg.DataCentre = lab
	g, err := newProvider(t, cfg).Callback(zoho.Authorization{State: "S"}, "state=S&code=x&location=us&accounts-server=http%3A%2F%2F127.0.0.1%3A8001&")
	if err != nil || g.AccountsServer != "http://127.0.0.1:8001" || g.Location != "custom" {
		t.Errorf("%+v, %v", g, err)
	}
}

// One custom server may stand for several data centres: the location tells which.
func TestCallbackOneServerForSeveral(t *testing.T) {
	cfg := config(nil)
	for _, code := range []string{"us", "eu"} {
		d, err := zoho.Custom(code, "http://127.0.0.1:8001", "http://127.0.0.1:8002")
		if err != nil {
			t.Fatal(err)
		}
		cfg.DataCentres = append(cfg.DataCentres, d)
	}
	p := newProvider(t, cfg)
	for _, code := range []string{"us", "eu"} {
		g, err := p.Callback(zoho.Authorization{State: "S"}, "state=S&code=x&location="+code+"&accounts-server=http%3A%2F%2F127.0.0.1%3A8001&")
		if err != nil || g.Location != code {
			t.Errorf("%+v, %v", g, err)
		}
	}
}

func TestSelfClientGrant(t *testing.T) {
	cfg := config(nil)
	cfg.DataCentre = zoho.DataCentre{Code: "eu"}
	g := newProvider(t, cfg).SelfClientGrant(" " + code + "\n")
	if g.Code.Reveal() != code || g.RedirectURL != "" || g.AccountsServer != "https://accounts.zoho.eu" || g.Location != "eu" {
		t.Errorf("%+v", g)
	}
}

func FuzzCallback(f *testing.F) {
	for _, s := range []string{
		"state=S&code=" + code + "&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu&",
		"https://app.example/cb?error=access_denied", "state=S&code=x&accounts-server=https://evil.example", "%", "?#&=", "code=x&code=y",
	} {
		f.Add(s)
	}
	p, err := zoho.New(config(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in string) {
		g, err := p.Callback(zoho.Authorization{State: "S"}, in)
		if err != nil {
			asError(t, err)
			return
		}
		if _, err := zoho.ByAccountsServer(g.AccountsServer); err != nil {
			t.Errorf("a grant for %q", g.AccountsServer)
		}
		if !strings.Contains(in, "S") || g.Code.IsZero() || strings.ContainsAny(g.Code.Reveal(), "\r\n\x00 ") {
			t.Errorf("a grant from %q", in)
		}
	})
}
