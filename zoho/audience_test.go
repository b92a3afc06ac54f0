package zoho_test

import (
	"slices"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

func TestAudience(t *testing.T) {
	for _, c := range []struct {
		name  string
		env   zoho.Environment
		row   tokenkeep.Token
		base  string
		hosts []string
	}{
		{"whole row", "", tokenkeep.Token{AccountsServer: "https://accounts.zoho.eu", DataCentre: "eu", APIDomain: "https://www.zohoapis.eu"}, "https://www.zohoapis.eu", []string{"www.zohoapis.eu", "content.zohoapis.eu"}},
		{"slash at the end", "", tokenkeep.Token{DataCentre: "eu", APIDomain: "https://www.zohoapis.eu/"}, "https://www.zohoapis.eu", []string{"www.zohoapis.eu", "content.zohoapis.eu"}},
		{"no API domain", "", tokenkeep.Token{AccountsServer: "https://accounts.zohocloud.ca"}, "https://www.zohoapis.ca", []string{"www.zohoapis.ca", "upload.zohocloud.ca"}},
		{"row of an SDK", "", tokenkeep.Token{APIDomain: "https://www.zohoapis.sa"}, "https://www.zohoapis.sa", []string{"www.zohoapis.sa", "files.zoho.sa"}},
		{"nothing known", "", tokenkeep.Token{}, "https://www.zohoapis.com", []string{"www.zohoapis.com", "content.zohoapis.com"}},
		{"sandbox in the row", "", tokenkeep.Token{DataCentre: "us", APIDomain: "https://sandbox.zohoapis.com"}, "https://sandbox.zohoapis.com", []string{"sandbox.zohoapis.com", "content.zohoapis.com"}},
		{"sandbox configured", zoho.Sandbox, tokenkeep.Token{DataCentre: "us"}, "https://sandbox.zohoapis.com", []string{"sandbox.zohoapis.com", "content.zohoapis.com"}},
		{"sandbox configured, production answered", zoho.Sandbox, tokenkeep.Token{DataCentre: "us", APIDomain: "https://www.zohoapis.com"}, "https://sandbox.zohoapis.com", []string{"sandbox.zohoapis.com", "content.zohoapis.com"}},
		{"developer in the row, sandbox configured", zoho.Sandbox, tokenkeep.Token{DataCentre: "us", APIDomain: "https://developer.zohoapis.com"}, "https://developer.zohoapis.com", []string{"developer.zohoapis.com", "content.zohoapis.com"}},
		{"form of the docs", "", tokenkeep.Token{DataCentre: "eu", APIDomain: "https://api.zoho.eu"}, "https://www.zohoapis.eu", []string{"www.zohoapis.eu", "content.zohoapis.eu"}},
		{"form of the docs alone", zoho.Developer, tokenkeep.Token{APIDomain: "https://api.zoho.eu"}, "https://developer.zohoapis.eu", []string{"developer.zohoapis.eu", "content.zohoapis.eu"}},
	} {
		cfg := config(nil)
		cfg.Environment = c.env
		a, err := newProvider(t, cfg).Audience(&c.row)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if a.Scheme != "Zoho-oauthtoken" || a.BaseURL != c.base || !slices.Equal(a.Hosts, c.hosts) {
			t.Errorf("%s: %s %s %q", c.name, a.Scheme, a.BaseURL, a.Hosts)
		}
	}
}

// A token goes to its own data centre's hosts and nowhere else.
func TestAudienceRefuses(t *testing.T) {
	const eu = "https://accounts.zoho.eu"
	for name, row := range map[string]tokenkeep.Token{
		"spoofed":                  {AccountsServer: eu, APIDomain: "https://evil.example"},
		"spoofed, nothing else":    {APIDomain: "https://evil.example"},
		"lookalike":                {AccountsServer: eu, APIDomain: "https://www.zohoapis.eu.evil.example"},
		"plain http":               {AccountsServer: eu, APIDomain: "http://www.zohoapis.eu"},
		"loopback":                 {AccountsServer: eu, APIDomain: "http://127.0.0.1:80"},
		"other data centre":        {AccountsServer: eu, APIDomain: "https://www.zohoapis.com"},
		"other than its code":      {DataCentre: "eu", APIDomain: "https://www.zohoapis.com"},
		"other sandbox":            {DataCentre: "eu", APIDomain: "https://sandbox.zohoapis.com"},
		"unknown code":             {DataCentre: "mars", APIDomain: "https://www.zohoapis.com"},
		"unknown server":           {AccountsServer: "https://accounts.example", APIDomain: "https://www.zohoapis.com"},
		"server and code disagree": {AccountsServer: eu, DataCentre: "us", APIDomain: "https://www.zohoapis.eu"},
		"not a URL":                {AccountsServer: eu, APIDomain: "%"},
	} {
		a, err := newProvider(t, config(nil)).Audience(&row)
		if err == nil {
			t.Errorf("%s: %+v", name, a)
			continue
		}
		if e := wantClass(t, err, tokenkeep.Misconfigured); e.Hint == "" {
			t.Errorf("%s: no hint", name)
		}
	}
}

func TestRewrite(t *testing.T) {
	a, err := newProvider(t, config(nil)).Audience(&tokenkeep.Token{DataCentre: "eu"})
	if err != nil {
		t.Fatal(err)
	}
	if n := 11*3 - 1; len(a.Rewrite) != n {
		t.Errorf("%d hosts, want %d: %q", len(a.Rewrite), n, a.Rewrite)
	}
	for _, h := range []string{"www.zohoapis.com", "sandbox.zohoapis.eu", "developer.zohoapis.sg"} {
		if !slices.Contains(a.Rewrite, h) {
			t.Errorf("%s is missing", h)
		}
	}
	for _, h := range a.Rewrite {
		if slices.Contains(a.Hosts, h) {
			t.Errorf("%s is both", h)
		}
	}
}

// The upload host of a custom data centre may be on another scheme: the token
// must not go there over the wrong one.
func TestAudienceOfCustom(t *testing.T) {
	lab, err := zoho.Custom("lab", "http://127.0.0.1:1", "http://127.0.0.1:2")
	if err != nil {
		t.Fatal(err)
	}
	lab.Upload = "https://files.example"
	cfg := config(nil)
	cfg.DataCentre = lab
	a, err := newProvider(t, cfg).Audience(&tokenkeep.Token{AccountsServer: "http://127.0.0.1:1/", APIDomain: "http://127.0.0.1:2/"})
	if err != nil || a.BaseURL != "http://127.0.0.1:2" || !slices.Equal(a.Hosts, []string{"127.0.0.1:2"}) {
		t.Errorf("%+v, %v", a, err)
	}
	lab.Sandbox = ""
	cfg.DataCentre, cfg.Environment = lab, zoho.Sandbox
	_, err = newProvider(t, cfg).Audience(&tokenkeep.Token{})
	wantText(t, wantClass(t, err, tokenkeep.Misconfigured).Error(), "lab", "sandbox")
}
