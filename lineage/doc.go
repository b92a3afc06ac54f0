// Package lineage answers "why was I logged out?" from what a store remembers: the
// rows of the logins and, if the store is a [tokenkeep.Historian], their history.
//
//	facts, err := lineage.Gather(ctx, store, lineage.Query{Row: row, User: name, Limits: provider.Limits()})
//	story := lineage.Explain(facts)
//
// [Gather] reads; it asks nobody but the store, and no more of that than it is
// allowed to. [Explain] reasons; it reads nothing, so that a test can hand it any
// facts. The command `tokenkeep why` shows a [Story] on one screen.
//
// # What is claimed
//
// A provider says no more of a dead refresh token than that it is dead. What this
// store recorded, such as a revocation and who asked for it, is [Sure]. What the
// logins around it show is [Likely]: if two logins of one user, of two client apps,
// died within the same hour, the user's password was probably changed; if another
// login of that user still works, it was not. What nothing speaks for or against is
// [Possible], and what the evidence excludes is said to be excluded, and by what.
// Logins that other installations made are seen by nobody, and counted as such.
package lineage
