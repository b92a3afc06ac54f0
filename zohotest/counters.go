package zohotest

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// Counters are what the fake has seen since it started, or since
// [Fake.ResetCounters].
type Counters struct {
	TokenRequests int `json:"token_requests"` // requests to /oauth/v2/token, whatever came of them
	Mints         int `json:"mints"`          // access tokens minted by a refresh
	Exchanges     int `json:"exchanges"`      // codes exchanged for tokens
	Revokes       int `json:"revokes"`        // successful revocations over HTTP
	Evictions     int `json:"evictions"`      // access tokens killed because too many were alive
	Superseded    int `json:"superseded"`     // refresh tokens killed because too many were alive
	Throttles     int `json:"throttles"`      // refreshes refused because of the window
	CodeThrottles int `json:"code_throttles"` // codes refused because of the window
	// MaxConcurrentRefreshes is the largest number of refreshes in progress at once.
	MaxConcurrentRefreshes int `json:"max_concurrent_refreshes"`
	// DeadRepresented counts refreshes with a token that this data centre had
	// already declared dead: a client should have stopped asking.
	DeadRepresented int `json:"dead_represented"`
	// SpentRepresented counts refreshes with a token that was used before, and whose
	// grace, if there is one, was over; see [Profile].
	SpentRepresented int `json:"spent_represented"`
	// GraceReplays counts refreshes with a used token within its grace.
	GraceReplays int `json:"grace_replays"`
	// FamiliesRevoked counts logins that ended because a used token came again.
	FamiliesRevoked int `json:"families_revoked"`
	// CodesRepresented counts exchanges of a code that was already used.
	CodesRepresented int `json:"codes_represented"`
	DeviceRequests   int `json:"device_requests"`
	APIRequests      int `json:"api_requests"`
	Unauthorized     int `json:"unauthorized"` // 401 answers of the API
	Faults           int `json:"faults"`       // faults that acted
	// ByRefreshToken is keyed by the refresh token itself.
	ByRefreshToken map[string]TokenCounters `json:"-"`
}

// TokenCounters are the counters of one refresh token.
type TokenCounters struct {
	Requests      int `json:"requests"`
	Mints         int `json:"mints"`
	Evictions     int `json:"evictions"`
	Throttles     int `json:"throttles"`
	MaxConcurrent int `json:"max_concurrent"`
}

// tally is the counters and what they need; the fake's lock guards it.
type tally struct {
	Counters
	inFlight int
	declared map[[2]string]bool // data centre, refresh token: answered invalid_code
}

func newTally() tally { return tally{declared: make(map[[2]string]bool)} }

// Counters gives a copy of the counters.
func (f *Fake) Counters() Counters {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.tally.Counters
	c.ByRefreshToken = make(map[string]TokenCounters)
	for token, r := range f.book.refresh {
		if r.counts != (TokenCounters{}) {
			c.ByRefreshToken[token] = r.counts
		}
	}
	return c
}

// ResetCounters sets all counters to zero. What was declared dead stays so.
func (f *Fake) ResetCounters() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tally.Counters = Counters{}
	for _, r := range f.book.refresh {
		r.counts = TokenCounters{}
	}
}

// A Request is an entry of the log. Secrets are masked.
type Request struct {
	Method  string        `json:"method"`
	DC      string        `json:"dc"`
	Role    Role          `json:"role"`
	Env     string        `json:"env,omitempty"`
	Path    string        `json:"path"`
	Grant   string        `json:"grant,omitempty"`
	Token   string        `json:"token,omitempty"` // masked
	When    time.Time     `json:"when"`
	Took    time.Duration `json:"took"`
	Status  int           `json:"status"`  // 0: no answer
	Outcome string        `json:"outcome"` // "ok" or an error code
	Fault   FaultKind     `json:"fault,omitempty"`
}

// Requests gives a copy of the log, oldest first.
func (f *Fake) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.journal)
}

// begin counts a call that arrives.
func (f *Fake) begin(c *call) {
	f.classify(c)
	f.mu.Lock()
	defer f.mu.Unlock()
	c.when = f.now()
	switch {
	case c.role == RoleAPI:
		f.tally.APIRequests++
	case c.path == "/oauth/v2/token":
		f.tally.TokenRequests++
	}
	if c.isRefresh() {
		f.tally.enter(f.book.refresh[c.secret], [2]string{c.dc, c.secret})
	}
}

// classify notes what the call is about.
func (f *Fake) classify(c *call) {
	if c.role == RoleAPI {
		c.secret, _ = f.bearer(c)
		return
	}
	c.grant = c.param("grant_type")
	for _, name := range []string{"refresh_token", "code", "token"} {
		if v := c.param(name); v != "" {
			c.secret = v
			return
		}
	}
}

func (c *call) isRefresh() bool {
	return c.role == RoleAccounts && c.path == "/oauth/v2/token" && c.grant == "refresh_token"
}

func (t *tally) enter(r *refreshToken, key [2]string) {
	t.inFlight++
	t.MaxConcurrentRefreshes = max(t.MaxConcurrentRefreshes, t.inFlight)
	if t.declared[key] {
		t.DeadRepresented++
	}
	if r == nil {
		return
	}
	r.counts.Requests++
	r.inFlight++
	r.counts.MaxConcurrent = max(r.counts.MaxConcurrent, r.inFlight)
}

func (t *tally) leave(c *call, a answer, r *refreshToken) {
	t.inFlight--
	if r != nil {
		r.inFlight--
	}
	if c.spent && !a.cut {
		t.declared[[2]string{c.dc, c.secret}] = true
	}
}

// record counts a call that is over and appends it to the log.
func (f *Fake) record(c *call, a answer) Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.isRefresh() {
		f.tally.leave(c, a, f.book.refresh[c.secret])
	}
	if c.role == RoleAPI && a.status == http.StatusUnauthorized {
		f.tally.Unauthorized++
	}
	entry := c.entry(a, f.now())
	f.journal = append(f.journal, entry)
	if extra := len(f.journal) - f.opts.RequestLog; extra > f.opts.RequestLog/4 {
		f.journal = slices.Clone(f.journal[extra:])
	}
	return entry
}

func (c *call) entry(a answer, now time.Time) Request {
	e := Request{
		Method: c.method, DC: c.dc, Role: c.role, Env: c.env, Path: c.path, Grant: c.grant,
		Token: Mask(c.secret), When: c.when, Took: now.Sub(c.when), Status: a.status,
		Outcome: c.outcome, Fault: c.fault,
	}
	if a.cut {
		e.Status, e.Outcome = 0, "cut"
	}
	return e
}

// byFingerprint is ByRefreshToken with keys that can be shown.
func (c Counters) byFingerprint() map[string]TokenCounters {
	m := make(map[string]TokenCounters, len(c.ByRefreshToken))
	for token := range maps.Keys(c.ByRefreshToken) {
		m[Fingerprint(token)] = c.ByRefreshToken[token]
	}
	return m
}
