package zoho

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// The device flow's times.
const (
	usualPoll   = 5 * time.Second // what Zoho answers (seen in the wild)
	slowestPoll = 30 * time.Second
	usualWait   = 5 * time.Minute // Zoho Accounts docs, Devices
	mostMoves   = 3               // changes of the data centre
)

// A Device is a login that has begun on a machine without a browser. Show
// VerificationURL and UserCode to the user, and Wait.
type Device struct {
	// UserCode is what the user types at VerificationURL.
	UserCode string
	// VerificationURL is the page to open on any machine.
	VerificationURL string
	// VerificationURLComplete has the code filled in. Empty if Zoho gave none.
	VerificationURLComplete string
	// Expires is when the code ends; Zoho gives five minutes.
	Expires time.Time

	p        *Provider
	q        *question
	scopes   []string
	interval time.Duration
	moves    int
}

// StartDevice begins a login on a machine without a browser, at the configured
// data centre, by one request (Zoho Accounts docs, Devices). The client must be
// of the type for devices. Scopes default to those of [Config].
func (p *Provider) StartDevice(ctx context.Context, scopes []string) (*Device, error) {
	const op = "device login"
	scopes = p.scopes(scopes)
	if len(scopes) == 0 {
		return nil, misconfigured(op, "there are no scopes to ask for", "give some, such as ZohoCRM.modules.ALL")
	}
	who, err := p.identity(op, p.dc, nil)
	if err != nil {
		return nil, err
	}
	q := &question{op: op, grant: grantDevice, path: pathDeviceToken, dc: p.dc, who: who, form: url.Values{}}
	r, sendErr := p.post(ctx, call{op: op, url: p.dc.Accounts + pathDeviceCode, form: url.Values{
		"client_id":   {who.id},
		"grant_type":  {grantDeviceStart},
		"scope":       {strings.Join(scopes, ",")},
		"access_type": {"offline"},
		"prompt":      {"consent"},
	}, scrub: p.scrubber(nil)})
	if sendErr != nil {
		return nil, sendErr
	}
	d := &Device{p: p, q: q, scopes: scopes}
	if err := d.begin(r); err != nil {
		return nil, err
	}
	return d, nil
}

// begin reads the answer to the first request.
func (d *Device) begin(r *wire.Reply) error {
	o, isJSON := wire.ParseObject(r.Body)
	code := o.Text("device_code")
	if !isJSON || code == "" || r.Status != http.StatusOK {
		_, err := d.q.classify(r)
		if err == nil {
			err = d.q.transient(r, r.Host+" gave no device code")
		}
		return err
	}
	d.q.form.Set("code", code)
	d.UserCode = o.Text("user_code")
	d.VerificationURL = cmp.Or(o.Text("verification_url"), o.Text("verification_uri"))
	d.VerificationURLComplete = cmp.Or(o.Text("verification_uri_complete"), o.Text("verification_url_complete"))
	d.interval = cmp.Or(deviceTime(o, "interval", slowestPoll*10), usualPoll)
	d.Expires = r.Asked.Add(cmp.Or(deviceTime(o, "expires_in", time.Hour), usualWait))
	return nil
}

// deviceTime returns a time in seconds or, above most, in milliseconds: Zoho
// gives milliseconds (seen in the wild), its docs seconds.
func deviceTime(o wire.Object, key string, most time.Duration) time.Duration {
	s := o.Seconds(key)
	if s > most.Seconds() {
		s /= 1000
	}
	if s < 1 || s > most.Seconds() {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

// Wait polls until the user has decided, the code ends or ctx does, and returns
// the token as [Provider.Exchange] does. It goes on at another data centre when
// the user belongs there, polls less often when Zoho says so, and goes on after
// failures that pass. When the user says no, or the code ends, the error is
// NeedsLogin. Call it once.
func (d *Device) Wait(ctx context.Context) (*tokenkeep.Token, error) {
	for {
		if err := d.sleep(ctx); err != nil {
			return nil, err
		}
		got, err := d.p.ask(ctx, d.q)
		if err == nil {
			return d.p.login(d.q, got, &tokenkeep.Grant{Scopes: d.scopes})
		}
		if err := d.goOn(ctx, got, err); err != nil {
			return nil, err
		}
	}
}

// sleep waits for the next poll. It fails when ctx or the code ends before.
func (d *Device) sleep(ctx context.Context) error {
	if time.Until(d.Expires) < d.interval {
		return d.expired()
	}
	timer := time.NewTimer(d.interval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &tokenkeep.Error{Class: tokenkeep.RetryLater, Op: d.q.op, Reason: "given up before the user decided", Err: context.Cause(ctx)}
	}
}

func (d *Device) expired() error {
	return &tokenkeep.Error{
		Class: tokenkeep.NeedsLogin, Op: d.q.op, Code: codeExpired,
		Reason: "the user code ended before the user entered it", Hint: startAgain,
	}
}

// goOn returns nil when polling goes on after an answer.
func (d *Device) goOn(ctx context.Context, got *granted, err error) error {
	if ctx.Err() != nil {
		return err
	}
	code := ""
	if got != nil {
		code = got.code
	}
	switch code {
	case codePending:
		return nil
	case codeSlowDown:
		d.slowDown()
		return nil
	case codeOtherDC:
		return d.move(got.reply.Scrub.Exact(got.location))
	case codeExpired:
		return d.expired()
	}
	if tokenkeep.ClassOf(err) == tokenkeep.RetryLater {
		d.slowDown()
		return nil
	}
	return err
}

// slowDown doubles the interval, up to the 30 seconds of Zoho's docs.
func (d *Device) slowDown() {
	d.interval = max(d.interval, min(2*d.interval, slowestPoll))
}

// move goes on at the user's data centre.
func (d *Device) move(location string) error {
	dc, err := d.p.dcs.byCode(location)
	if err != nil {
		return fmt.Errorf("%s: the user belongs to another data centre: %w", d.q.op, err)
	}
	if d.moves++; d.moves > mostMoves {
		return misconfigured(d.q.op, "Zoho sends the login from one data centre to the next without end", startAgain)
	}
	d.q.dc = dc
	d.q.who, err = d.p.identity(d.q.op, dc, nil)
	return err
}
