package zoho_test

import (
	"slices"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// The hosts of Zoho's CRM SDKs 8.0, and of Zoho's pages for uk.
func TestDataCentres(t *testing.T) {
	want := [][]string{
		{"us", "https://accounts.zoho.com", "https://www.zohoapis.com", "https://sandbox.zohoapis.com", "https://developer.zohoapis.com", "https://content.zohoapis.com"},
		{"eu", "https://accounts.zoho.eu", "https://www.zohoapis.eu", "https://sandbox.zohoapis.eu", "https://developer.zohoapis.eu", "https://content.zohoapis.eu"},
		{"in", "https://accounts.zoho.in", "https://www.zohoapis.in", "https://sandbox.zohoapis.in", "https://developer.zohoapis.in", "https://content.zohoapis.in"},
		{"au", "https://accounts.zoho.com.au", "https://www.zohoapis.com.au", "https://sandbox.zohoapis.com.au", "https://developer.zohoapis.com.au", "https://content.zohoapis.com.au"},
		{"jp", "https://accounts.zoho.jp", "https://www.zohoapis.jp", "https://sandbox.zohoapis.jp", "https://developer.zohoapis.jp", "https://content.zohoapis.jp"},
		{"cn", "https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn", "https://sandbox.zohoapis.com.cn", "https://developer.zohoapis.com.cn", "https://content.zohoapis.com.cn"},
		{"ca", "https://accounts.zohocloud.ca", "https://www.zohoapis.ca", "https://sandbox.zohoapis.ca", "https://developer.zohoapis.ca", "https://upload.zohocloud.ca"},
		{"sa", "https://accounts.zoho.sa", "https://www.zohoapis.sa", "https://sandbox.zohoapis.sa", "https://developer.zohoapis.sa", "https://files.zoho.sa"},
		{"uk", "https://accounts.zoho.uk", "https://www.zohoapis.uk", "https://sandbox.zohoapis.uk", "https://developer.zohoapis.uk", "https://content.zohoapis.uk"},
		{"ae", "https://accounts.zoho.ae", "https://www.zohoapis.ae", "https://sandbox.zohoapis.ae", "https://developer.zohoapis.ae", "https://content.zohoapis.ae"},
		{"sg", "https://accounts.zoho.sg", "https://www.zohoapis.sg", "https://sandbox.zohoapis.sg", "https://developer.zohoapis.sg", "https://content.zohoapis.sg"},
	}
	got := zoho.DataCentres()
	if len(got) != len(want) {
		t.Fatalf("%d data centres, want %d", len(got), len(want))
	}
	for i, d := range got {
		fields := []string{d.Code, d.Accounts, d.API, d.Sandbox, d.Developer, d.Upload}
		if !slices.Equal(fields, want[i]) {
			t.Errorf("got  %q\nwant %q", fields, want[i])
		}
		if inSDK := i < 8; d.InSDK != inSDK {
			t.Errorf("%s: InSDK = %v", d.Code, d.InSDK)
		}
	}
}

func TestDataCentresAgreeWithTheFake(t *testing.T) {
	f := zohotest.New(nil)
	for _, d := range zoho.DataCentres() {
		if d.Accounts != f.AccountsURL(d.Code) || d.API != f.APIDomain(d.Code) || d.Upload != f.FilesURL(d.Code) {
			t.Errorf("%+v differs from the fake's %s %s %s", d, f.AccountsURL(d.Code), f.APIDomain(d.Code), f.FilesURL(d.Code))
		}
	}
}

func TestLookUps(t *testing.T) {
	for _, c := range []struct {
		find func(string) (zoho.DataCentre, error)
		in   string
		code string
	}{
		{zoho.ByCode, "eu", "eu"},
		{zoho.ByCode, " EU ", "eu"},
		{zoho.ByCode, "", ""},
		{zoho.ByCode, "mars", ""},
		{zoho.ByAPIDomain, "https://www.zohoapis.eu", "eu"},
		{zoho.ByAPIDomain, "https://WWW.zohoapis.eu:443/", "eu"},
		{zoho.ByAPIDomain, "https://sandbox.zohoapis.com.au", "au"},
		{zoho.ByAPIDomain, "https://developer.zohoapis.ca", "ca"},
		{zoho.ByAPIDomain, "https://api.zoho.eu", "eu"}, // the samples of the Accounts docs
		{zoho.ByAPIDomain, "http://www.zohoapis.eu", ""},
		{zoho.ByAPIDomain, "https://www.zohoapis.eu.evil.example", ""},
		{zoho.ByAPIDomain, "https://www.zohoapis.eu@evil.example", ""},
		{zoho.ByAPIDomain, "https://www.zohoapis.eu/evil", ""},
		{zoho.ByAPIDomain, "https://www.zohoapis.eu:8443", ""},
		{zoho.ByAPIDomain, "https://content.zohoapis.eu", ""},
		{zoho.ByAPIDomain, "www.zohoapis.eu", ""},
		{zoho.ByAPIDomain, "", ""},
		{zoho.ByAccountsServer, "https://accounts.zohocloud.ca/", "ca"},
		{zoho.ByAccountsServer, "https://accounts.zoho.ca", ""},
		{zoho.ByAccountsServer, "https://accounts.zoho.com.evil.example", ""},
		{zoho.ByAccountsServer, "https://evil.example/accounts.zoho.com", ""},
		{zoho.ByAccountsServer, "https://user@accounts.zoho.com", ""},
		{zoho.ByAccountsServer, "%zz", ""},
	} {
		d, err := c.find(c.in)
		if d.Code != c.code {
			t.Errorf("%q: data centre %q, want %q (%v)", c.in, d.Code, c.code, err)
		}
		if c.code == "" {
			wantClass(t, err, tokenkeep.Misconfigured)
		}
	}
}

func TestCustom(t *testing.T) {
	d, err := zoho.Custom("", "http://127.0.0.1:8080/", "HTTP://LocalHost:8081")
	if err != nil {
		t.Fatal(err)
	}
	want := zoho.DataCentre{
		Code: "custom", Accounts: "http://127.0.0.1:8080", API: "http://localhost:8081",
		Sandbox: "http://localhost:8081", Developer: "http://localhost:8081", Upload: "http://localhost:8081",
	}
	if d != want {
		t.Errorf("got %+v, want %+v", d, want)
	}
	if d, err := zoho.Custom("Lab-1", "https://[::1]:443", "http://[::1]:80"); err != nil || d.Accounts != "https://[::1]" || d.Code != "lab-1" {
		t.Errorf("IPv6: %+v, %v", d, err)
	}
}

func TestCustomRefuses(t *testing.T) {
	const good = "https://a.example"
	for _, c := range [][3]string{
		{"x", "", good},
		{"x", good, ""},
		{"x", "http://a.example", good},
		{"x", "http://127.0.0.1.evil.example", good},
		{"x", good, "http://10.0.0.1"},
		{"x", "ftp://127.0.0.1", good},
		{"x", "https://", good},
		{"x", "https:a.example", good},
		{"x", "https://u:p@a.example", good},
		{"x", good + "/path", good},
		{"x", good + "?q=1", good},
		{"x", good + "#f", good},
		{"x", "://", good},
		{"a b", good, good},
		{"a|b", good, good},
	} {
		_, err := zoho.Custom(c[0], c[1], c[2])
		if err == nil {
			t.Errorf("%q is accepted", c)
			continue
		}
		wantClass(t, err, tokenkeep.Misconfigured)
	}
}
