package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A Persistence is how a server keeps its data.
type Persistence string

// The kinds of persistence: what they lose in a crash is in [Report.Loss].
const (
	// Unknown: the server does not tell.
	Unknown Persistence = "unknown"
	// Memory: nothing is written to the disk.
	Memory Persistence = "memory"
	// Snapshots: all is written from time to time (save).
	Snapshots Persistence = "snapshots"
	// AppendWhenever: each write is appended, and synced when the system likes
	// (appendonly yes, appendfsync no).
	AppendWhenever Persistence = "append, synced by the system"
	// AppendEverySecond: each write is appended, and synced once a second
	// (appendonly yes, appendfsync everysec).
	AppendEverySecond Persistence = "append, synced every second"
	// AppendAlways: each write is on the disk before it is acknowledged (appendonly
	// yes, appendfsync always).
	AppendAlways Persistence = "append, always synced"
)

// A Report says what may be trusted to a server.
type Report struct {
	// Persistence is how the server keeps its data.
	Persistence Persistence
	// Loss says what a crash of the server loses of what it acknowledged, in words.
	Loss string
	// MayEvict is set when the server may throw tokens away to save memory.
	MayEvict bool
	// Replica is set when the server is a replica, which takes no writes.
	Replica bool
	// Replicas is how many replicas follow the server. They lag: after a failover the
	// newest writes may be gone, whatever Persistence is.
	Replicas int
	// Warnings say what to change, and what could not be found out.
	Warnings []string
}

// Durability asks the server (in a cluster, the one that holds the store's keys)
// how it keeps data, and logs what it finds: its warnings as warnings. Call it once
// at the start; [Open] does. It needs the commands INFO and CONFIG GET; where they
// are forbidden the report says what could not be found out, and that is no error.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/.
func (s *Store) Durability(ctx context.Context) (Report, error) {
	r, err := await(ctx, s, s.inspect)
	if err != nil {
		return Report{}, s.fail(ctx, "durability", err)
	}
	s.logger.InfoContext(ctx, "redis: what a crash of the server loses", "persistence", string(r.Persistence), "loss", r.Loss, "replicas", r.Replicas)
	for _, w := range r.Warnings {
		s.logger.WarnContext(ctx, "redis: the server may lose logins", "reason", w)
	}
	return r, nil
}

// inspect makes the report.
func (s *Store) inspect(ctx context.Context) (Report, error) {
	node, err := s.node(ctx)
	if err != nil {
		return Report{}, err
	}
	x := inspection{}
	if x.info, err = info(ctx, node); err != nil {
		return Report{}, err
	}
	if x.config, err = config(ctx, node, "save", "appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy"); err != nil {
		return Report{}, err
	}
	return x.report(), nil
}

// node returns a client of the server that holds the keys.
func (s *Store) node(ctx context.Context) (redis.Cmdable, error) {
	switch c := s.client.(type) {
	case *redis.ClusterClient:
		return c.MasterForKey(ctx, s.keys[0])
	case *redis.Ring:
		return c.GetShardClientForKey(s.keys[0])
	default:
		return c, nil
	}
}

// info returns what INFO says, and nil when it is forbidden.
func info(ctx context.Context, node redis.Cmdable) (map[string]string, error) {
	text, err := node.Info(ctx).Result()
	if forbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			found[name] = value
		}
	}
	return found, nil
}

// config returns settings, and nil when that is forbidden.
func config(ctx context.Context, node redis.Cmdable, names ...string) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range names {
		settings, err := node.ConfigGet(ctx, name).Result()
		if forbidden(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if value, ok := settings[name]; ok {
			found[name] = value
		}
	}
	return found, nil
}

// forbidden reports whether a server or a service refuses a command.
func forbidden(err error) bool {
	if _, ok := errors.AsType[redis.Error](err); !ok {
		return false
	}
	text := strings.ToLower(err.Error())
	for _, part := range []string{"noperm", "unknown command", "not allowed", "disabled", "unknown subcommand"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// An inspection is what a server told. A nil map was refused.
type inspection struct{ info, config map[string]string }

func (x inspection) report() Report {
	r := Report{Replica: x.info["role"] == "slave"}
	r.Replicas, _ = strconv.Atoi(x.info["connected_slaves"])
	r.Persistence = x.persistence()
	r.Loss = x.loss(r.Persistence)
	policy, known := x.policy()
	r.MayEvict = strings.HasPrefix(policy, "allkeys-")
	warn := func(when bool, format string, args ...any) {
		if when {
			r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
		}
	}
	warn(r.Persistence == Unknown, "the server does not tell how it keeps data (CONFIG GET or INFO is forbidden): find out from whoever runs it that it has appendonly yes")
	warn(r.Persistence == Memory || r.Persistence == Snapshots || r.Persistence == AppendWhenever,
		"a crash of the server loses %s: set appendonly yes with appendfsync everysec, or always", r.Loss)
	warn(r.MayEvict, "the server evicts keys when its memory is full (maxmemory-policy %s), and with one key all logins: set noeviction or a volatile- policy", policy)
	warn(!known, "the server does not tell whether it may evict keys: find out that maxmemory-policy is noeviction or a volatile- one")
	warn(r.Replica, "the server is a replica: it takes no writes, and lags behind its master; connect to the master")
	warn(x.info["aof_enabled"] == "1" && x.failed("aof_last_write_status"), "the server's last write to its append-only file failed: see its log and its disk")
	warn(x.failed("rdb_last_bgsave_status"), "the server's last snapshot failed: see its log and its disk")
	return r
}

// failed reports whether a status of INFO is there and bad.
func (x inspection) failed(status string) bool {
	v, ok := x.info[status]
	return ok && v != "ok"
}

// persistence tells how the server keeps data.
func (x inspection) persistence() Persistence {
	appends := x.config["appendonly"]
	if appends == "" && x.info["aof_enabled"] == "1" {
		appends = "yes" // but not how it syncs
	}
	save, knowsSave := x.config["save"]
	switch {
	case appends == "yes":
		switch x.config["appendfsync"] {
		case "always":
			return AppendAlways
		case "everysec":
			return AppendEverySecond
		case "no":
			return AppendWhenever
		}
		return Unknown
	case appends == "" || !knowsSave:
		return Unknown
	case save == "":
		return Memory
	}
	return Snapshots
}

// loss says what a crash loses.
func (x inspection) loss(p Persistence) string {
	switch p {
	case AppendAlways:
		if x.config["no-appendfsync-on-rewrite"] == "yes" {
			return "nothing, but up to 30 s while it rewrites its file (no-appendfsync-on-rewrite)"
		}
		return "nothing"
	case AppendEverySecond:
		return "up to 1 s"
	case AppendWhenever:
		return "what the system has not written yet, up to 30 s on Linux"
	case Snapshots:
		return "everything since its last snapshot, which may be minutes or hours (save " + x.config["save"] + ")"
	case Memory:
		return "everything"
	default:
		return "an unknown amount: the server does not tell"
	}
}

// policy returns the eviction policy, and whether it is known.
func (x inspection) policy() (policy string, known bool) {
	for _, settings := range []map[string]string{x.info, x.config} {
		for _, name := range []string{"maxmemory_policy", "maxmemory-policy"} {
			if v := settings[name]; v != "" {
				return v, true
			}
		}
	}
	return "", false
}
