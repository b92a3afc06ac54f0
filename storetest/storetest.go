package storetest

import (
	"testing"
)

// Run checks the store of cfg, each check a subtest of t, and fails t where the
// store breaks the contract of [tokenkeep.TokenStore]. With -v it logs the
// [Report] at the end.
//
// Call it at most once in a test or subtest: for the checks that need child
// processes, the test binary is started again with -test.run set to t's name,
// and Run, called there, plays the child and ends the process. So what the test
// does before Run is done in children too, and a test needs no TestMain.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	if playChild(t, cfg) {
		return
	}
	s := newSuite(t, cfg)
	for _, ck := range s.checks() {
		t.Run(ck.name, func(t *testing.T) {
			r := s.run(t, ck)
			if r.skipped != "" {
				t.Skip(r.skipped)
			}
			for _, p := range r.problems {
				t.Error(p)
			}
		})
	}
	t.Logf("%s", s.report())
}

// Check makes the same checks as [Run] and fails nothing: it returns what the
// store did, and which level it reaches. It is for stores that are expected to
// fail, and for programs that show a report. Like Run it must be called at most
// once in a test or subtest.
func Check(tb testing.TB, cfg Config) Report {
	tb.Helper()
	if playChild(tb, cfg) {
		return Report{Level: None}
	}
	s := newSuite(tb, cfg)
	for _, ck := range s.checks() {
		s.run(tb, ck)
	}
	return s.report()
}

// A suite runs the checks on one store and remembers how they ended.
type suite struct {
	cfg     Config
	size    sizes
	name    string // of the test that called, for children
	results []result
}

// A result is how one check ended.
type result struct {
	check
	problems []string
	skipped  string // why, if it was
}

func newSuite(tb testing.TB, cfg Config) *suite {
	tb.Helper()
	if cfg.Open == nil || cfg.NewDSN == nil {
		tb.Fatal("storetest: Config.Open and Config.NewDSN are required")
	}
	return &suite{cfg: cfg, size: cfg.sizes(), name: tb.Name()}
}

// run makes one check and keeps its result. tb is for Config.NewDSN.
func (s *suite) run(tb testing.TB, ck check) result {
	r := result{check: ck, skipped: s.skip(ck)}
	if r.skipped == "" {
		r = runTrial(tb, s, ck)
	}
	s.results = append(s.results, r)
	return r
}

// skip says why ck is not made, or "".
func (s *suite) skip(ck check) string {
	switch {
	case s.cfg.Level != "" && ck.level.rank() > s.cfg.Level.rank():
		return "above the level that the store claims"
	case s.cfg.MemoryOnly && ck.shared:
		return "the store is memory-only"
	case ck.stops && !canStop:
		return "this system cannot stop a process"
	}
	return ""
}
