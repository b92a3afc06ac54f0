package zoho_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// inBubble begins a device login at a fake whose time is the bubble's.
func inBubble(t *testing.T, opts *zohotest.Options, test func(t *testing.T, f *zohotest.Fake, d *zoho.Device)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(opts)
		d, err := newProvider(t, config(f.Transport())).StartDevice(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		test(t, f, d)
	})
}

func after(d time.Duration, do func() error) {
	go func() {
		time.Sleep(d)
		if err := do(); err != nil {
			panic(err)
		}
	}()
}

func TestDevice(t *testing.T) {
	for name, opts := range map[string]*zohotest.Options{"milliseconds": nil, "seconds": {DeviceSeconds: true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, opts, func(t *testing.T, f *zohotest.Fake, d *zoho.Device) {
				if got := time.Until(d.Expires); got != 5*time.Minute {
					t.Errorf("the code lives for %v", got)
				}
				if d.UserCode == "" || !strings.HasPrefix(d.VerificationURL, "https://accounts.zoho.com/") || !strings.Contains(d.VerificationURLComplete, d.UserCode) {
					t.Errorf("%+v", d)
				}
				after(31*time.Second, func() error { return f.ApproveDevice(d.UserCode, ann) })
				tok, err := d.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if tok.RefreshToken.IsZero() || tok.AccountsServer != "https://accounts.zoho.com" || tok.ClientID != clientID || len(tok.Scopes) != 3 {
					t.Errorf("%+v", tok)
				}
				// One request to start, and a poll every five seconds up to 35.
				if n := f.Counters().DeviceRequests; n != 8 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// The user belongs to another data centre.
func TestDeviceMoves(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *zohotest.Fake, d *zoho.Device) {
		after(time.Second, func() error { return f.ApproveDevice(d.UserCode, "eve@example.com") })
		tok, err := d.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if tok.AccountsServer != "https://accounts.zoho.eu" || tok.DataCentre != "eu" || tok.APIDomain != "https://www.zohoapis.eu" {
			t.Errorf("%+v", tok)
		}
	})
}

func TestDeviceEnds(t *testing.T) {
	for name, c := range map[string]struct {
		deny bool
		code string
	}{"denied": {true, "access_denied"}, "expired": {false, "expired"}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, f *zohotest.Fake, d *zoho.Device) {
				if c.deny {
					after(time.Second, func() error { return f.DenyDevice(d.UserCode) })
				}
				_, err := d.Wait(t.Context())
				if e := wantClass(t, err, tokenkeep.NeedsLogin); e.Code != c.code {
					t.Errorf("code %q", e.Code)
				}
				wantText(t, err.Error(), "start the login again")
			})
		})
	}
}

func TestDeviceIsCancelled(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *zohotest.Fake, d *zoho.Device) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		if _, err := d.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// Failures that pass do not end the wait, and slow it down.
func TestDeviceOutlastsAnOutage(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *zohotest.Fake, d *zoho.Device) {
		f.AddFault(zohotest.Fault{Path: "/oauth/v3/device/token", Kind: zohotest.FaultStatus, Status: 503, Times: 2})
		if err := f.ApproveDevice(d.UserCode, ann); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err := d.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != (5+10+20)*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestDeviceSlowsDown(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *zohotest.Fake, d *zoho.Device) {
		f.AddFault(zohotest.Fault{Path: "/oauth/v3/device/token", Kind: zohotest.FaultBody, Body: `{"error":"slow_down"}`, Times: 4})
		if err := f.ApproveDevice(d.UserCode, ann); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err := d.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != (5+10+20+30+30)*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestDeviceBadMoves(t *testing.T) {
	for name, body := range map[string]string{
		"unknown": `{"error":"other_dc","user_location":"mars"}`,
		"none":    `{"error":"other_dc"}`,
		"endless": `{"error":"other_dc","user_location":"eu"}`,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, f *zohotest.Fake, d *zoho.Device) {
				f.AddFault(zohotest.Fault{Path: "/oauth/v3/device/token", Kind: zohotest.FaultBody, Body: body})
				_, err := d.Wait(t.Context())
				wantClass(t, err, tokenkeep.Misconfigured)
			})
		})
	}
}

func TestDeviceThrottleEndsTheWait(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *zohotest.Fake, d *zoho.Device) {
		f.AddFault(zohotest.Fault{Path: "/oauth/v3/device/token", Kind: zohotest.FaultThrottle})
		_, err := d.Wait(t.Context())
		wantClass(t, err, tokenkeep.Throttled)
	})
}

func TestStartDeviceFails(t *testing.T) {
	for body, class := range map[string]tokenkeep.Class{
		`{"error":"invalid_client"}`: tokenkeep.Misconfigured,
		`{"error":"invalid_scope"}`:  tokenkeep.Misconfigured,
		throttle:                     tokenkeep.Throttled,
		`<html>`:                     tokenkeep.RetryLater,
		`{}`:                         tokenkeep.RetryLater,
		`{"access_token":"a"}`:       tokenkeep.RetryLater,
	} {
		d, err := newProvider(t, config(&stub{status: 200, body: body})).StartDevice(t.Context(), nil)
		if d != nil {
			t.Errorf("%s: a device without a code", body)
		}
		wantClass(t, err, class)
	}
	cfg := config(&stub{})
	cfg.Scopes = nil
	_, err := newProvider(t, cfg).StartDevice(t.Context(), nil)
	wantClass(t, err, tokenkeep.Misconfigured)
}

// Odd times are replaced by the usual ones.
func TestDeviceTimes(t *testing.T) {
	for times, want := range map[string]time.Duration{
		`"interval":5,"expires_in":300`:           5 * time.Minute,
		`"interval":5000,"expires_in":300000`:     5 * time.Minute,
		`"interval":"5000","expires_in":"600000"`: 10 * time.Minute,
		`"interval":0,"expires_in":0`:             5 * time.Minute,
		`"interval":-1,"expires_in":"soon"`:       5 * time.Minute,
		`"interval":1e300,"expires_in":1e300`:     5 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &stub{answer: func(r sent) (int, string) {
				if strings.HasSuffix(r.url, "/device/code") {
					return 200, `{"device_code":"d","user_code":"u","verification_url":"https://x.example",` + times + `}`
				}
				return 200, `{"access_token":"a","refresh_token":"r"}`
			}}
			d, err := newProvider(t, config(s)).StartDevice(t.Context(), nil)
			if err != nil || time.Until(d.Expires) != want {
				t.Fatalf("%s: %v, %v", times, time.Until(d.Expires), err)
			}
			begun := time.Now()
			if _, err := d.Wait(t.Context()); err != nil || time.Since(begun) != 5*time.Second {
				t.Errorf("%s: polled after %v, %v", times, time.Since(begun), err)
			}
		})
	}
}
