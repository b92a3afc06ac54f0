package storetest

import "slices"

// checks lists all checks, in the order in which they are made: what is easy to
// understand comes first.
func (s *suite) checks() []check {
	return slices.Concat(
		findChecks(), saveChecks(), mergeChecks(), idChecks(), listChecks(), valueChecks(), contextChecks(),
		versionChecks(), raceChecks(), linearChecks(), processChecks(), durableChecks(), keeperChecks(), eventChecks(),
	)
}
