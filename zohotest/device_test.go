package zohotest_test

import (
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

// startDevice asks for a device code; pairs override.
func (g rig) startDevice(kv ...string) reply {
	g.t.Helper()
	return g.post(g.AccountsURL("us")+"/oauth/v3/device/code", append([]string{
		"client_id", app, "grant_type", "device_request", "scope", "ZohoCRM.users.READ",
		"access_type", "offline", "prompt", "consent",
	}, kv...)...)
}

func (g rig) poll(dc, deviceCode string) reply {
	g.t.Helper()
	return g.post(g.AccountsURL(dc)+"/oauth/v3/device/token",
		"client_id", app, "client_secret", secret, "grant_type", "device_token", "code", deviceCode)
}

func TestS34DeviceFlow(t *testing.T) {
	g := newRig(t, nil)
	d := g.startDevice()
	equal(t, "interval", d.json["interval"], any(5000.0))
	equal(t, "expires_in", d.json["expires_in"], any(300_000.0))
	equal(t, "page", d.str("verification_url"), g.AccountsURL("us")+"/oauth/v3/device")
	wantError(t, g.poll("us", d.str("device_code")), "authorization_pending")
	wantError(t, g.poll("us", d.str("device_code")), "slow_down")
	g.Advance(seconds(5))
	wantError(t, g.poll("us", d.str("device_code")), "authorization_pending")
	if err := g.ApproveDevice(strings.ToLower(d.str("user_code")), ann); err != nil {
		t.Fatal(err)
	}
	g.Advance(seconds(5))
	r := g.poll("us", d.str("device_code"))
	wantTokens(t, r)
	wantTokens(t, g.refresh(r.str("refresh_token")))
	wantError(t, g.poll("us", d.str("device_code")), "invalid_code")
}

func TestS34DeviceDeniedAndExpired(t *testing.T) {
	g := newRig(t, nil)
	d := g.startDevice()
	if err := g.DenyDevice(d.str("user_code")); err != nil {
		t.Fatal(err)
	}
	wantError(t, g.poll("us", d.str("device_code")), "access_denied")
	d = g.startDevice()
	g.Advance(5 * minute)
	wantError(t, g.poll("us", d.str("device_code")), "expired")
	if g.ApproveDevice(d.str("user_code"), ann) == nil {
		t.Error("an expired code was approved")
	}
}

func TestS34DeviceOtherDC(t *testing.T) {
	g := newRig(t, nil)
	d := g.startDevice()
	if err := g.ApproveDevice(d.str("user_code"), eva); err != nil {
		t.Fatal(err)
	}
	r := g.poll("us", d.str("device_code"))
	wantError(t, r, "other_dc")
	equal(t, "user_location", r.str("user_location"), "eu")
	r = g.poll("eu", d.str("device_code"))
	wantTokens(t, r)
	equal(t, "api_domain", r.str("api_domain"), g.APIDomain("eu"))
}

func TestS34DeviceErrors(t *testing.T) {
	g := newRig(t, &zohotest.Options{DeviceSeconds: true})
	wantError(t, g.startDevice("client_id", "1000.NOBODY"), "invalid_client")
	wantError(t, g.startDevice("grant_type", "device_token"), "invalid_client")
	wantError(t, g.startDevice("scope", "nonsense"), "invalid_scope")
	wantError(t, g.poll("us", "1000.unknown"), "invalid_code")
	equal(t, "interval", g.startDevice().json["interval"], any(5.0))
	equal(t, "online", g.startDevice("access_type", "").status, 200)
}

func TestS34DevicePage(t *testing.T) {
	g := newRig(t, nil)
	d := g.startDevice()
	page := g.get(d.str("verification_uri_complete"))
	wantPage(t, page, d.str("user_code"))
	wantPage(t, page, "fake Zoho")
	equal(t, "wrong code", g.post(d.str("verification_url"), "user_code", "x", "email", ann, "decision", "accept").status, 400)
	done := g.post(d.str("verification_url"), "user_code", d.str("user_code"), "email", ann, "decision", "accept")
	wantPage(t, done, "go back to the device")
	wantTokens(t, g.poll("us", d.str("device_code")))
}
