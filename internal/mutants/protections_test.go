package mutants_test

// protections are those of the refresh transaction, of the login and of the
// transport, each with the test that stands for it.
var protections = []protection{
	{name: "one flight in a process", file: "flight.go", old: "k.flights.DoChan(st.id, k.flight(ctx,", new: "k.flights.DoChan(rand.Text(), k.flight(ctx,", test: "TestCallersOfOneProcessShareOneFlight"},
	{name: "a claim is waited for", file: "flight.go", old: "f.foreign(row.Claim) && !f.standsStill(row)", new: "false", test: "TestOneFlightForAllCallers"},
	{name: "a dead claim is taken over", file: "claim.go", old: "return time.Since(f.seenSince) >= f.keeper.opts.ClaimTime", new: "return false", test: "TestStaleClaimIsTakenOver"},
	{name: "the flight outlives its caller", file: "flight.go", old: "context.WithoutCancel(ctx), k.opts.FlightTime", new: "ctx, k.opts.FlightTime", test: "TestWaiterLeavesAndTheFlightGoesOn"},
	{name: "a stopped holder asks no more", file: "claim.go", old: "if age < f.keeper.opts.ClaimTime/2 {", new: "if age >= 0 {", test: "TestResumedHolderOverwritesNothing"},
	{name: "a stopped holder commits no more", file: "commit.go", old: "case row.Claim.Owner != f.owner && !m.successor():", new: "case false:", test: "TestResumedHolderOverwritesNothing"},
	{name: "an empty answer blanks no refresh token", file: "commit.go", old: "if !m.token.RefreshToken.IsZero() {", new: "if true {", test: "TestOneFlightForAllCallers"},
	{name: "a newer login wins", file: "commit.go", old: "case !row.RefreshToken.Equal(m.asked.RefreshToken):", new: "case false:", test: "TestForeignWriterKeepsItsLogin"},
	{name: "a dead login is asked about once", file: "claim.go", old: "case NeedsLogin, InDoubt:", new: `case "none":`, test: "TestDeadLoginIsAskedAboutOnce"},
	{name: "pauses hold for all processes", file: "claim.go", old: "case Throttled, RetryLater:", new: `case "none":`, test: "TestFailuresKeepTheLogin"},
	{name: "the budget", file: "claim.go", old: "l.Mints == 0 || len(recent) < l.Mints", new: "true", test: "TestBudgetRefusesWithoutARequest"},
	{name: "a lost answer is doubtful for a strict rotator", file: "failure.go", old: "Limits().Rotation == RotationStrict", new: "Limits().Rotation == \"none of them\"", test: "TestLostAnswerOfAStrictRotatorIsInDoubt"},
	{name: "outages are asked about with pauses", file: "failure.go", old: "s.Until = now.Add(backoff(s.Failures))", new: "s.Until = now.Add(1)", test: "TestOutageIsAskedAboutWithBackOff"},
	{name: "a valid token outlives failures", file: "session.go", old: "if sn = s.st.snap.Load(); s.st.usable(sn, time.Now(), floor) {", new: "if false {", test: "TestValidTokenOutlivesAStoreThatIsDown"},
	{name: "an older token invalidates nothing", file: "session.go", old: "if sn == nil || !sn.tok.secret.Equal(tok.secret) {", new: "if sn == nil {", test: "TestOlderTokenInvalidatesNothing"},
	{name: "refreshes behind have pauses", file: "flight.go", old: "if now < after || ", new: "if ", test: "TestSoftRefreshRunsBehind"},
	{name: "a self client's code is redeemed once", file: "login.go", old: "if s := k.redeemed(ctx, g); s != nil {\n\t\treturn s, nil\n\t}\n\tif p, ok", new: "if p, ok", test: "TestCodeIsRedeemedOnce"},
	{name: "a used code of a redirect opens nothing", file: "login.go", old: `g.Code.IsZero() || g.RedirectURL != "" || `, new: "g.Code.IsZero() || ", test: "TestOldCodeOfARedirectOpensNothing"},
	{name: "an exchange outlives its caller", file: "login.go", old: "context.WithTimeout(context.WithoutCancel(ctx), k.opts.FlightTime)", new: "context.WithTimeout(ctx, k.opts.FlightTime)", test: "TestExchangeOutlivesItsCaller"},
	{name: "a login is saved though the caller leaves", file: "login.go", old: "context.WithTimeout(context.WithoutCancel(ctx), loginSaveTime)", new: "context.WithTimeout(ctx, loginSaveTime)", test: "TestLoginIsSavedThoughTheCallerLeaves"},
	{name: "logout revokes first", file: "login.go", old: "if err := k.provider.Revoke(ctx, row); err != nil {", new: "if err := k.provider.Revoke(ctx, row); false {", test: "TestLogoutRevokesFirst"},
	{name: "no token in the clear", file: "transport.go", old: "u.Scheme == base.Scheme && ", new: "", test: "TestTransportRoutes"},
	{name: "a missing scope refreshes nothing", file: "zoho/refused.go", old: `case "", "INVALID_TOKEN"`, new: `case "", "OAUTH_SCOPE_MISMATCH", "INVALID_TOKEN"`, pkg: "zoho", test: "TestRefused"},
	{name: "a saved row keeps what is not set", file: "token.go", old: "if !f.src.IsZero() {", new: "if true {", test: "TestMergeKeepsWhatIsNotSet"},
	{name: "no look-up without a key", file: "match.go", old: "case partial.UserName != \"\":", new: "case true:", test: "TestMatchForOrder"},
	{name: "the wall clock is looked at", file: "state.go", old: "d := wallCheck", new: "d := 24 * time.Hour", test: "TestFastPathLooksAtTheWallClock"},
	{name: "secrets do not print", file: "secret.go", old: "_, _ = f.Write([]byte(s.String()))", new: "_, _ = f.Write([]byte(s.Reveal()))", test: "TestSecretsDoNotPrint"},
	{name: "secrets do not encode", file: "secret.go", old: "return json.Marshal(s.String())", new: "return json.Marshal(s.Reveal())", test: "TestSecretsDoNotPrint"},
}
