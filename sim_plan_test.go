package tokenkeep

import (
	"math/rand/v2"
	"time"
)

// A simFault is what goes wrong with one call of a store or a provider.
type simFault int

const (
	simNone    simFault = iota
	simRefused          // an error, and nothing was done
	simLost             // it was done, and the answer says that it was not, or nothing
	simHang             // no answer until the caller's time is over
	simSlow             // an answer that takes longer than a claim may stand still
	simMisconfigured
	simFaults
)

func (f simFault) String() string {
	return [...]string{"none", "refused", "lost", "hang", "slow", "misconfigured"}[f]
}

// A simWindow is a time in which every call of one process, or of all, fails.
type simWindow struct {
	from, to time.Duration
	process  int // -1: all
	fault    simFault
}

// A simSite is what may go wrong with a store or a provider.
type simSite struct {
	latency time.Duration
	chance  [simFaults]float64
	windows []simWindow
}

// A simPlan is what a schedule's seed decides in advance.
type simPlan struct {
	rotation  Rotation
	grace     time.Duration // for which a spent refresh token still works
	sliding   bool          // how the provider counts its window
	single    bool          // a new access token kills the one before
	nameless  bool          // logins come without a name
	claim     time.Duration
	valid     time.Duration // Options.MinValidity
	life      time.Duration // of access tokens
	span      time.Duration // of the schedule, before the faults end
	processes int
	users     int
	callers   int  // of each process
	hammer    bool // one caller refreshes without need
	crashes   int  // and stops and restarts, of each process
	logins    int  // and log-outs, deletions and revocations
	policy    Policy
	store     simSite
	provider  simSite
}

// newSimPlan draws a plan. A tenth of the schedules has no faults at all: what is
// promised without conditions can be checked without excuses.
func newSimPlan(r *rand.Rand) simPlan {
	p := simPlan{
		rotation: []Rotation{RotationNone, RotationNone, RotationNone, RotationGrace, RotationStrict}[r.IntN(5)],
		grace:    between(r, 10*time.Second, 5*time.Minute),
		sliding:  r.IntN(2) == 0,
		claim:    between(r, 500*time.Millisecond, 5*time.Second),
		life:     between(r, 8*time.Minute, time.Hour),
		span:     between(r, 20*time.Minute, 3*time.Hour),
		valid:    between(r, time.Second, 2*time.Minute),
		users:    1 + r.IntN(3), processes: 2 + r.IntN(3), callers: 1 + r.IntN(3),
		hammer: r.IntN(8) == 0,
	}
	p.single = p.rotation != RotationNone && r.IntN(3) == 0
	p.nameless = p.rotation == RotationNone && r.IntN(4) == 0
	p.store.latency, p.provider.latency = p.claim/50, p.claim/4
	if r.IntN(2) == 0 {
		p.logins = 1 + r.IntN(6)
	}
	p.policy = newSimPolicy(r)
	if r.IntN(10) == 0 {
		return p
	}
	p.crashes = r.IntN(4)
	p.store.draw(r, &p, []simFault{simRefused, simLost, simHang, simSlow}, 0.03)
	p.provider.draw(r, &p, []simFault{simRefused, simLost, simHang, simSlow, simMisconfigured}, 0.3)
	return p
}

// draw decides how often which faults happen, and when they happen without pause.
func (s *simSite) draw(r *rand.Rand, p *simPlan, faults []simFault, most float64) {
	for _, f := range faults {
		if r.IntN(3) == 0 {
			s.chance[f] = r.Float64() * most
		}
	}
	for range r.IntN(4) {
		from := between(r, 0, p.span)
		s.windows = append(s.windows, simWindow{
			from: from, to: from + between(r, time.Second, 4*time.Minute),
			process: r.IntN(p.processes+1) - 1, fault: faults[r.IntN(len(faults))],
		})
	}
}

// at returns the fault of a call of process at time t.
func (s *simSite) at(r *rand.Rand, t time.Duration, process int) simFault {
	for _, w := range s.windows {
		if t >= w.from && t < w.to && (w.process < 0 || w.process == process) {
			return w.fault
		}
	}
	for f := simRefused; f < simFaults; f++ {
		if c := s.chance[f]; c > 0 && r.Float64() < c {
			return f
		}
	}
	return simNone
}

func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)+1))
}
