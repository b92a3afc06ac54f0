package zohotest

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"
)

// Options sets up a [Fake]. A nil *Options is ready for use; the zero value of
// every field means Zoho's usual behaviour.
type Options struct {
	// Now is the clock under the fake. Defaults to time.Now.
	Now func() time.Time
	// DataCentres lists the data centres to run. Defaults to all of [DataCentres].
	DataCentres []string
	// Limits overrides Zoho's numbers.
	Limits Limits
	// Profile makes the accounts server a plain OAuth 2.0 server. Nil: Zoho's.
	Profile *Profile
	// Logger gets one line per request, without secrets. Defaults to none.
	Logger *slog.Logger
	// AutoApprove is the email of a user whose consent is given at once, without
	// the page. Empty: the page is shown.
	AutoApprove string
	// Latency is how long every request to the accounts server takes before it
	// is processed. It makes concurrency visible.
	Latency time.Duration
	// RequestLog is how many requests [Fake.Requests] remembers. Defaults to 10,000.
	RequestLog int
	// ExtraScopes are accepted besides the scopes that the fake knows.
	ExtraScopes []string

	// LegacyExpiry answers expires_in in milliseconds and adds expires_in_sec, as
	// Zoho did until about December 2019 (observed).
	LegacyExpiry bool
	// NoScope leaves scope out of token answers, as older samples do.
	NoScope bool
	// ThrottleStatus is the HTTP status of the throttle. Defaults to 400
	// (observed); Kaizen #43 says 200.
	ThrottleStatus int
	// HTMLErrorStatus is the HTTP status of the authorize page's errors.
	// Defaults to 200 (assumed).
	HTMLErrorStatus int
	// WrongDC is the error for a refresh token or a code at another data centre
	// where the client is enabled. Defaults to "invalid_code".
	WrongDC string
	// CountRefreshTokens says over what Limits.RefreshTokens counts.
	CountRefreshTokens CountBy
	// SlidingWindow counts the last ten minutes instead of a window that starts
	// with the first request.
	SlidingWindow bool
	// RetriesExtendLock starts the lock anew with every throttled request, as one
	// developer reports.
	RetriesExtendLock bool
	// FailedTriesCount lets a refresh that fails (wrong secret, say) use up a slot
	// of the refresh token's window.
	FailedTriesCount bool
	// ExchangesCount lets the code exchange use up a slot of the window too.
	ExchangesCount bool
	// IgnorePKCE ignores code challenges, as Zoho may do for server-based clients.
	IgnorePKCE bool
	// AcceptBearer accepts "Bearer" besides "Zoho-oauthtoken" on CRM calls.
	AcceptBearer bool
	// AcceptBasicAuth accepts client credentials in a Basic header on the token
	// endpoint.
	AcceptBasicAuth bool
	// DeviceSeconds gives the device flow's times in seconds instead of milliseconds.
	DeviceSeconds bool
	// SandboxAnswersProduction answers the production api_domain for sandbox and
	// developer tokens too.
	SandboxAnswersProduction bool
	// TooManyRequestsCode is the code of a CRM 429. Defaults to TOO_MANY_REQUESTS;
	// some of Zoho's examples say RATE_LIMIT_EXCEEDED.
	TooManyRequestsCode string
	// UnknownRecordStatus answers the get of an unknown record: 400 (default,
	// INVALID_DATA), 204 or 404.
	UnknownRecordStatus int
	// FailedWriteStatus answers a write of which every record failed: 400
	// (default) or 202.
	FailedWriteStatus int
	// ClockSkew is added to the Date header of every answer.
	ClockSkew time.Duration
}

// CountBy says over what the limit on refresh tokens counts.
type CountBy string

// Zoho's pages disagree about the three.
const (
	CountByUserAndClient CountBy = ""       // Kaizen #43; the default
	CountByUser          CountBy = "user"   // Zoho CRM v8 docs, Token validity
	CountByClient        CountBy = "client" // Zoho Accounts FAQ
)

// Limits are Zoho's numbers. A zero field means the default, a negative count
// means no limit.
type Limits struct {
	// AccessTokenLife defaults to one hour.
	AccessTokenLife time.Duration `json:"access_token_life,omitzero"`
	// CodeLife defaults to two minutes (Zoho Accounts docs, Access token).
	CodeLife time.Duration `json:"code_life,omitzero"`
	// SelfCodeLife defaults to three minutes (Zoho Accounts docs, Self client).
	SelfCodeLife time.Duration `json:"self_code_life,omitzero"`
	// Window is the length of both windows below. Defaults to ten minutes.
	Window time.Duration `json:"window,omitzero"`
	// CodesPerWindow defaults to 10 per client (Zoho CRM v8 docs, Token validity).
	CodesPerWindow int `json:"codes_per_window,omitzero"`
	// RefreshesPerWindow defaults to 10 per refresh token (Zoho Accounts docs,
	// Token limits).
	RefreshesPerWindow int `json:"refreshes_per_window,omitzero"`
	// LiveAccessTokens per refresh token defaults to 15 (Zoho CRM v8 docs, Token
	// validity); the newest Accounts page says 10, old product pages 30.
	LiveAccessTokens int `json:"live_access_tokens,omitzero"`
	// RefreshTokens defaults to 20 (Zoho CRM v8 docs, Token validity).
	RefreshTokens int `json:"refresh_tokens,omitzero"`
	// DevicePoll is the interval of the device flow. Defaults to 5 s (observed);
	// Zoho's page says 30 s.
	DevicePoll time.Duration `json:"device_poll,omitzero"`
	// DeviceLife defaults to five minutes (Zoho Accounts docs, Devices).
	DeviceLife time.Duration `json:"device_life,omitzero"`
}

func (o *Options) withDefaults() Options {
	var r Options
	if o != nil {
		r = *o
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if len(r.DataCentres) == 0 {
		r.DataCentres = DataCentres()
	}
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	r.adjust()
	r.Limits = r.Limits.withDefaults()
	r.RequestLog = cmp.Or(r.RequestLog, 10_000)
	r.ThrottleStatus = cmp.Or(r.ThrottleStatus, http.StatusBadRequest)
	r.HTMLErrorStatus = cmp.Or(r.HTMLErrorStatus, http.StatusOK)
	r.WrongDC = cmp.Or(r.WrongDC, "invalid_code")
	r.TooManyRequestsCode = cmp.Or(r.TooManyRequestsCode, "TOO_MANY_REQUESTS")
	r.UnknownRecordStatus = cmp.Or(r.UnknownRecordStatus, http.StatusBadRequest)
	r.FailedWriteStatus = cmp.Or(r.FailedWriteStatus, http.StatusBadRequest)
	return r
}

func (l Limits) withDefaults() Limits {
	return Limits{
		AccessTokenLife:    cmp.Or(l.AccessTokenLife, time.Hour),
		CodeLife:           cmp.Or(l.CodeLife, 2*time.Minute),
		SelfCodeLife:       cmp.Or(l.SelfCodeLife, 3*time.Minute),
		Window:             cmp.Or(l.Window, 10*time.Minute),
		CodesPerWindow:     cmp.Or(l.CodesPerWindow, 10),
		RefreshesPerWindow: cmp.Or(l.RefreshesPerWindow, 10),
		LiveAccessTokens:   cmp.Or(l.LiveAccessTokens, 15),
		RefreshTokens:      cmp.Or(l.RefreshTokens, 20),
		DevicePoll:         cmp.Or(l.DevicePoll, 5*time.Second),
		DeviceLife:         cmp.Or(l.DeviceLife, 5*time.Minute),
	}
}
