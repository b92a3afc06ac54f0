package zohotest

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A device is a login in progress on something without a browser.
type device struct {
	client     string
	userCode   string
	dc         string // where it was started
	scopes     []string
	offline    bool
	expires    time.Time
	lastPoll   time.Time
	email      string // who approved
	denied     bool
	redeemed   bool
	deviceCode string
}

// deviceCode serves POST /oauth/v3/device/code (Zoho Accounts docs, Devices).
func (f *Fake) deviceCode(c *call) answer {
	d, code := f.startDevice(c)
	if code != "" {
		return c.oauthError(code)
	}
	unit := time.Millisecond // observed in three independent clients
	if f.opts.DeviceSeconds {
		unit = time.Second
	}
	page := f.AccountsURL(c.dc) + devicePath
	return jsonAnswer(http.StatusOK, map[string]any{
		"user_code": d.userCode, "device_code": d.deviceCode,
		"verification_url":          page,
		"verification_uri_complete": page + "?user_code=" + url.QueryEscape(d.userCode),
		"interval":                  f.opts.Limits.DevicePoll / unit,
		"expires_in":                f.opts.Limits.DeviceLife / unit,
	})
}

func (f *Fake) startDevice(c *call) (*device, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tally.DeviceRequests++
	cl, ok := f.book.clients[c.param("client_id")]
	if !ok || !cl.enabledIn(c.dc) || c.param("grant_type") != "device_request" || c.method != http.MethodPost {
		return nil, "invalid_client"
	}
	scopes := splitScopes(c.param("scope"))
	if len(scopes) == 0 || !f.knowsScopes(scopes) {
		return nil, "invalid_scope"
	}
	d := &device{
		client: cl.ID, dc: c.dc, scopes: scopes, offline: c.param("access_type") == "offline",
		expires:  f.now().Add(f.opts.Limits.DeviceLife),
		userCode: upperHex(2) + "-" + upperHex(2), deviceCode: newToken(),
	}
	f.book.devices[d.deviceCode] = d
	return d, ""
}

// devicePoll serves POST /oauth/v3/device/token.
func (f *Fake) devicePoll(c *call) answer {
	m, code := f.pollDevice(c)
	if d, ok := strings.CutPrefix(code, "other_dc "); ok {
		c.outcome = "other_dc"
		return jsonAnswer(http.StatusOK, map[string]string{"error": "other_dc", "user_location": d})
	}
	if code != "" {
		return c.oauthError(code)
	}
	return f.tokenAnswer(m)
}

func (f *Fake) pollDevice(c *call) (minted, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tally.DeviceRequests++
	cl, failure := f.authenticate(c)
	if failure != "" {
		return minted{}, failure
	}
	d := f.book.devices[c.param("code")]
	if d == nil || d.client != cl.ID || d.redeemed {
		return minted{}, "invalid_code"
	}
	if c.param("grant_type") != "device_token" {
		return minted{}, "invalid_client"
	}
	if failure := f.deviceState(d, c.dc); failure != "" {
		return minted{}, failure
	}
	return f.redeemDevice(d, cl), ""
}

// deviceState says why a poll gets no tokens; empty: it gets them.
func (f *Fake) deviceState(d *device, dc string) string {
	now := f.now()
	early := !d.lastPoll.IsZero() && now.Sub(d.lastPoll) < f.opts.Limits.DevicePoll
	d.lastPoll = now
	switch {
	case !now.Before(d.expires):
		return "expired"
	case d.denied:
		return "access_denied"
	case early:
		return "slow_down"
	case d.email == "":
		return "authorization_pending"
	}
	if home := f.book.users[d.email].DC; home != dc {
		d.lastPoll = time.Time{} // the next poll goes elsewhere, at once
		return "other_dc " + home
	}
	return ""
}

func (f *Fake) redeemDevice(d *device, cl Client) minted {
	d.redeemed = true
	f.tally.Exchanges++
	h := holderOf(cl, f.book.users[d.email], GrantOptions{Scopes: d.scopes})
	return f.firstTokens(h, d.offline)
}

// ApproveDevice gives consent for a device, as the verification page does.
func (f *Fake) ApproveDevice(userCode, email string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.book.deviceByUserCode(userCode)
	if d == nil || !f.now().Before(d.expires) {
		return errors.New("approve device: unknown or expired user code")
	}
	if _, ok := f.book.users[userKey(email)]; !ok {
		return errors.New("approve device: unknown user " + email)
	}
	d.email = userKey(email)
	return nil
}

// DenyDevice refuses consent for a device.
func (f *Fake) DenyDevice(userCode string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.book.deviceByUserCode(userCode)
	if d == nil {
		return errors.New("deny device: unknown user code")
	}
	d.denied = true
	return nil
}

func (b *book) deviceByUserCode(userCode string) *device {
	for _, d := range b.devices {
		if strings.EqualFold(d.userCode, strings.TrimSpace(userCode)) {
			return d
		}
	}
	return nil
}

// devicePage serves the verification page.
func (f *Fake) devicePage(c *call) answer {
	if c.method == http.MethodPost {
		return f.deviceDecision(c)
	}
	f.mu.Lock()
	users := f.book.userList()
	f.mu.Unlock()
	return c.html(http.StatusOK, page{Title: "Connect a device", Form: &pageForm{
		Action: devicePath, AskCode: true, UserCode: c.query.Get("user_code"), Users: users,
	}})
}

func (f *Fake) deviceDecision(c *call) answer {
	err := f.decideDevice(c)
	if err != nil {
		return c.htmlError(http.StatusBadRequest, "Invalid code", err.Error())
	}
	return c.html(http.StatusOK, page{Title: "Done", Text: "You can go back to the device."})
}

func (f *Fake) decideDevice(c *call) error {
	if c.param("decision") == "accept" {
		return f.ApproveDevice(c.param("user_code"), c.param("email"))
	}
	return f.DenyDevice(c.param("user_code"))
}
