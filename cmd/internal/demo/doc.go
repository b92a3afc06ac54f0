// Package demo is the command `tokenkeep demo`: the whole story of a login, told
// by the code that users run, against a fake Zoho on loopback, in under a minute.
//
// Start reading at script.go: it lists the chapters, one file each. A chapter
// acts on the [stage]: a fake with two data centres, a SQLite store in a private
// temporary folder, a Keeper, and further processes of this program. It measures
// at the fake, which shares no code with the product, and tells what it saw by
// claims. A claim is a printed line with the checks that prove it (claim.go):
// there is no way to print one without a check. A check that fails is shown with
// what was expected and what was seen, and makes the demo fail.
//
// Nothing leaves the machine: all connections are made by a dialer that refuses
// addresses other than loopback's, and counts what it refused.
package demo
