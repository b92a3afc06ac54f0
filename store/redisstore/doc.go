// Package redisstore keeps tokens in Redis 4 or newer, or in what runs its Lua
// scripts, such as Valkey: for many hosts that have one already.
//
//	store, err := redisstore.Open(ctx, "rediss://redis.internal:6379/0", &redisstore.Options{
//		Username: "app", Password: tokenkeep.NewSecret(password), Logger: logger,
//	})
//	if err != nil { … }
//	defer store.Close()
//
// [New] takes a client of the caller's, such as one of a cluster or of Sentinel. Set
// ContextTimeoutEnabled in its options, and do not let it read from replicas.
//
// # What a crash loses
//
// Redis is as durable as it is told to be, and the usual default is: not very. What
// SaveToken acknowledged is gone after a crash of the server
//
//	appendonly yes, appendfsync always      never
//	appendonly yes, appendfsync everysec    if it is younger than 1 s
//	appendonly no, save …                   if it is younger than the last snapshot
//	appendonly no, save ""                  always
//
// A client process may die at any time, under each of them. Replicas lag behind: a
// failover may lose the newest writes in any case. [Store.Durability] asks a server
// and logs what it finds; [Open] does so by itself. Set maxmemory-policy to
// noeviction or to a volatile- policy, or the server throws logins away when it is
// full.
//
// No key ever gets a time to live: a refresh token does not end by time. A save
// takes one away from the keys that it writes.
//
// # Keys
//
// A store has four keys, named after its Prefix:
//
//	{tokenkeep}:rows     a hash: the id of a token and its row
//	{tokenkeep}:index    a sorted set of "i:ID", which gives the order of ids, and of
//	                     "FIELD HASH:ID" without the space, to find rows by a field: u(ser
//	                     name), a(ccess), g(rant) and r(efresh token)
//	{tokenkeep}:meta     a hash: the schema (1), the last id that was given, the name of
//	                     the last deletion, the number of the last event, and the names
//	                     of the last 64 calls that added events
//	{tokenkeep}:history  a sorted set of "NUMBER EVENT", by number: what happened to the
//	                     tokens, as JSON. It is bounded by Options.HistoryLength, and
//	                     names users and ids in clear, but no token
//
// A row is lines of text. The first holds the format (1), the id, the version, the
// name of the save that wrote it, and its buckets in the index; each of the others a
// name and a value, with \n and \\ for a line feed and a backslash:
//
//	$ redis-cli --raw HGET {tokenkeep}:rows 1000000000
//	1 1000000000 7 9b1f… ubWF…,aTzk…,rq0C…
//	user_name ann@example.com:1234
//	…
//
// Tokens are kept in clear; wrap the store to encrypt them. The index holds a part of
// the SHA-256 of each value, and no secret is in the name of a key, where monitors
// and slow logs would show it. The commands MONITOR and SLOWLOG show arguments: do
// not give them to everybody.
//
// Few and large keys are one script's reach: all of a save happens at once, or not
// at all, in a cluster too, since the braces put the four keys in one slot. The
// price is that one store lives on one node of a cluster and that its slot moves as a
// whole. To spread over nodes, use several stores, each with a Prefix, and choose by
// a hash of the user name. Listing goes by the sorted set and not by SCAN, because
// ids have to come in order and each once.
//
// # Operations and round trips
//
// A lookup is one round trip, by id or by a field; so are a save with a version, a
// deletion, the deletion of all tokens, each 256 rows of a listing, and each call that
// adds to the history. A save
// without a version is two: it reads, merges, and writes only if what it read is
// still so. Scripts are sent by their hash, and whole once after the server started.
//
// A client that loses a connection sends a command again. Each save carries a name
// (nonce) that is stored in the row, so that the second time it finds its own row and
// succeeds; deletions do the same, and so do additions to the history. An operation that ends because its context ended
// may yet happen. A context's end is noticed within 0.1 s, however long the server is
// silent. go-redis writes about connections to its own log; redis.SetLogger chooses
// it, for the whole program.
//
// # Rights
//
// With access control, the user needs
//
//	~{tokenkeep}:* +eval +evalsha +hget +hexists +hlen +hset +hdel
//	+zadd +zrem +zcard +zrangebylex +persist +unlink
//
// for the history, +zrevrange +zrangebyscore +zremrangebyrank, and, for Durability,
// +info +config|get. Without the rights for the history, tokens work. [Store.Ping] finds out whether it has
// those for tokens, but for hset, zadd and unlink.
package redisstore
