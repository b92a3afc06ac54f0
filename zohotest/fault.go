package zohotest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// FaultKind says what goes wrong.
type FaultKind string

// The kinds of faults. "Committed" means that the request was processed: a
// refresh has minted its token and used up its slot.
const (
	FaultNone            FaultKind = ""                  // nothing but Delay and Header; committed
	FaultStatus          FaultKind = "status"            // an HTML error page with Status (default 500)
	FaultHTML200         FaultKind = "html200"           // a maintenance page with 200
	FaultEmptyJSON       FaultKind = "empty_json"        // 200 {}
	FaultEmptyBody       FaultKind = "empty_body"        // 200 and no body
	FaultNoExpiry        FaultKind = "no_expiry"         // success without expires_in; committed
	FaultNoAPIDomain     FaultKind = "no_api_domain"     // success without api_domain; committed
	FaultTruncate        FaultKind = "truncate"          // half of the body, then a cut; committed
	FaultSlowBefore      FaultKind = "slow_before"       // Delay, then processing; a caller who leaves first leaves nothing
	FaultSlowAfter       FaultKind = "slow_after"        // processing, then Delay; committed
	FaultCutBefore       FaultKind = "cut_before"        // the connection breaks, nothing was processed
	FaultCutAfter        FaultKind = "cut_after"         // processed, then the connection breaks: the answer is lost
	FaultThrottle        FaultKind = "throttle"          // the accounts server's throttle
	FaultBody            FaultKind = "body"              // Status (default 200) and Body as given
	FaultTooManyRequests FaultKind = "too_many_requests" // the CRM's 429
)

// A Fault makes matching requests fail. Empty fields match everything. Of
// several faults that match, the one added first acts.
//
// Over sockets, net/http itself repeats a GET whose reused connection breaks
// before an answer; a POST, and so every token request, it does not repeat.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Path is a prefix.
	Path   string `json:"path,omitempty"`
	Method string `json:"method,omitempty"`
	DC     string `json:"dc,omitempty"`
	Role   Role   `json:"role,omitempty"`
	// Grant is a grant_type, such as "refresh_token".
	Grant string `json:"grant,omitempty"`
	// Token is the refresh token of the request, or the access token of an API call.
	Token string `json:"token,omitempty"`
	// After skips the first matching requests.
	After int `json:"after,omitempty"`
	// Times is how often the fault acts. 0: for ever.
	Times int `json:"times,omitempty"`
	// Probability of acting, from the sequence that Seed starts. 0: always.
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`

	Status int               `json:"status,omitempty"`
	Body   string            `json:"body,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	// Delay is how long the answer takes, with any kind. It comes before
	// processing unless DelayAfterCommit is set or the kind is FaultSlowAfter.
	Delay            time.Duration `json:"delay,omitempty"`
	DelayAfterCommit bool          `json:"delay_after_commit,omitempty"`
	// AfterCommit processes the request before a canned answer replaces its own:
	// a 502 from a proxy whose server did the work.
	AfterCommit bool `json:"after_commit,omitempty"`
}

type armedFault struct {
	Fault
	seen, acted int
	rand        *rand.Rand
}

// AddFault arms a fault. The function it returns disarms it.
func (f *Fake) AddFault(ft Fault) (remove func()) {
	sequence := rand.New(rand.NewPCG(ft.Seed, 0)) //nolint:gosec // must be repeatable
	armed := &armedFault{Fault: ft, rand: sequence}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, armed)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.faults = slices.DeleteFunc(f.faults, func(a *armedFault) bool { return a == armed })
	}
}

// ClearFaults disarms all faults.
func (f *Fake) ClearFaults() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// pickFault finds the fault that acts on this call.
func (f *Fake) pickFault(c *call) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.faults {
		if a.matches(c) && a.fires() {
			f.tally.Faults++
			c.fault = cmp.Or(a.Kind, "delay")
			return &a.Fault
		}
	}
	return nil
}

func (a *armedFault) matches(c *call) bool {
	return strings.HasPrefix(c.path, a.Path) &&
		matches(a.Method, c.method) && matches(a.DC, c.dc) && matches(a.Role, c.role) &&
		matches(a.Grant, c.grant) && matches(a.Token, c.secret)
}

func matches[S ~string](want, got S) bool { return want == "" || want == got }

func (a *armedFault) fires() bool {
	if a.Times > 0 && a.acted >= a.Times {
		return false
	}
	a.seen++
	if a.seen <= a.After {
		return false
	}
	if a.Probability > 0 && a.rand.Float64() >= a.Probability {
		return false
	}
	a.acted++
	return true
}
