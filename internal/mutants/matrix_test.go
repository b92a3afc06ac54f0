package mutants_test

// cells is a test of the crash matrix: those of one fault on SQLite.
func cells(policy, fault string) string { return "TestMatrix/" + policy + "/" + fault + "/SQLite" }

// matrixProtections are those that real processes have to notice, in cells of the
// crash matrix.
var matrixProtections = []protection{
	{name: "a live holder is waited for by other processes", file: "flight.go", old: "f.foreign(row.Claim) && !f.standsStill(row)", new: "false", module: "cmd", pkg: "internal/matrix", test: cells("none", "the_answer:_comes_after.*")},
	{name: "a killed process leaves doubt, and no replay", file: "rotate.go", old: "l.Rotation == RotationStrict && row.Claim.Held() && row.Claim.Owner != f.owner", new: "false", module: "cmd", pkg: "internal/matrix", test: cells("rotating", "SIGKILL:_before_8.*")},
	{name: "a process that comes back saves the successor", file: "commit.go", old: "row.Claim.Owner != f.owner && !m.successor() && row.State.Class != InDoubt", new: "row.Claim.Owner != f.owner", module: "cmd", pkg: "internal/matrix", test: cells("rotating", "SIGSTOP:_before_8.*")},
	{name: "an outage is written into the journal", file: "rescue.go", old: "\tif k.journal == nil {\n\t\treturn newRescue(0, nil)", new: "\tif true {\n\t\treturn newRescue(0, nil)", module: "cmd", pkg: "internal/matrix", test: cells("rotating", ".*killed_while_it_tries_again")},
	{name: "the journal never replaces a newer token", file: "recover.go", old: "mark(row.AccessToken) != r.was", new: "false", module: "cmd", pkg: "internal/matrix", test: cells("none", ".*another_host_is_first")},
}
