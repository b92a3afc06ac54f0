// Package sealedstore keeps the tokens of any tokenkeep.TokenStore encrypted.
//
//	id, err := sealedstore.GenerateKey("/etc/app/tokens.key") // once
//
//	keys, err := sealedstore.OpenKeyring(ctx, sealedstore.KeyFile("/etc/app/tokens.key"))
//	if err != nil { … }
//	store, err := sealedstore.New(inner, keys, nil)
//
// Whoever gets hold of the database, its backups or its log, but not of the key,
// learns no refresh token, candidate for one, access token, grant token or client secret.
// User names, ids, times, scopes and states stay readable, also for operators, and so
// does the history, if the inner store keeps one. Rows that are not
// sealed yet are read as they are and sealed by their next save, or all at once by
// [Store.Rotate].
//
// # Keys
//
// A key is 32 random bytes in base64, or belongs to a cleartext Tink keyset. It comes
// from a file ([KeyFile]), the environment ([KeyEnv]), a command ([KeyCommand]), the
// system's keyring ([KeyOS]), or a [Source] of your own. The first key seals; the
// others open what they sealed before. Without the key the tokens are lost, and their
// users have to log in again: keep a copy, apart from the backups of the store.
//
// A row whose key is missing is never deleted and never written over. Reading it fails
// with the class tokenkeep.StoreUnavailable and [ErrKeyMissing]. A program that has no
// key at all, where others seal, wraps its store in [Guard].
//
// # Rotation
//
// [Store.Rotate] seals all rows with a new key while the store is in use; [Store.Retire]
// removes an old key, once neither a row nor what Options.AlsoInUse knows of needs it.
// Processes that share a key file learn of a new key by themselves. Where each has its own source, first add the new key as a
// further one everywhere, then make it the first one everywhere, rotate, and remove the
// old one last.
//
// # What is stored
//
// The secrets of a row are encrypted together, by XChaCha20-Poly1305 from Tink (or
// by what the Tink keyset says), into the client secret of the inner row, with the id of
// the key. They are bound to the row's id, user name, client id, data centre, accounts
// server and API domain: a ciphertext that is moved to another row does not open, nor
// does one whose token would be sent to another server.
//
// In place of the refresh, access and grant token stands a fingerprint, an HMAC by a key
// derived from the sealing one, so that the inner store finds tokens by its own indexes.
// Equal tokens have equal fingerprints: that two rows hold the same token can be seen.
//
// Versions are counted inside the sealed value and have nothing to do with those of the
// inner store. This is why a rotation, which changes the inner row, is no change for a
// refresh that runs at the same time. It also means that other programs must not write to
// the inner store; rows whose tokens they changed do not open.
//
// Because the seal is bound to the id, which only the inner store gives, a new row is
// first reserved and then filled. A process that dies in between leaves a row without
// a token, which nobody sees; the next login of that user fills it, and a rotation
// removes it.
//
// # What it does not do
//
// Who can write to the inner store can delete rows, and put an older copy of a row back
// in its place. As long as [Options].RequireSealed is off they can put a plain row of
// their own in place of a sealed one. Who can read the memory of the process reads
// tokens and keys.
package sealedstore
