package redisstore

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/tokenkeep/tokenkeep"
)

// Options are what a store may be told. Nil options, and each zero field, stand
// for the defaults.
type Options struct {
	// Prefix begins the keys of the store, "{Prefix}:rows" and three more; defaults to
	// [DefaultPrefix]. All keys of a prefix are in one slot of a cluster. It may not
	// contain braces, spaces and control characters.
	Prefix string
	// HistoryLength is how many events the history keeps, the newest; defaults to
	// [DefaultHistoryLength]. Of several processes the one that appends counts.
	// Negative: no history is kept, and its methods return tokenkeep.ErrNoHistory.
	HistoryLength int
	// Logger receives what an operator should know; nil discards it.
	Logger *slog.Logger

	// Username and Password are for [Open] alone and go before those of the URL.
	Username string
	Password tokenkeep.Secret
	// TLSConfig is for [Open] of a rediss:// URL alone: certificate authorities and
	// client certificates. Nil trusts what the system trusts. It may not switch the
	// verification off.
	TLSConfig *tls.Config
}

// Open connects to the server of a URL and returns a store that owns its client:
//
//	redis://[user[:password]@]host[:port][/database]
//	rediss://…                                        the same over TLS
//	unix://[user[:password]@]/path/to/socket[?db=1]
//
// Parameters such as pool_size=20, max_retries=2, read_timeout=3s and
// conn_max_idle_time=5m set up the client, as redis.ParseURL says.
//
// With a Logger it also asks for what [Store.Durability] tells, and logs it. The
// error is of the class Misconfigured when the URL, the password or the rights are
// wrong, and StoreUnavailable when the server cannot be reached. It never holds
// the password.
func Open(ctx context.Context, rawURL string, opts *Options) (*Store, error) {
	if opts == nil {
		opts = &Options{}
	}
	settings, err := clientOptions(rawURL, opts)
	if err != nil {
		return nil, err
	}
	s := New(redis.NewClient(settings), opts)
	s.owned = true
	if _, _, err := s.lookUp(ctx, "", ""); err != nil {
		_ = s.Close() // the first error is the one to tell
		return nil, s.fail(ctx, "open", err)
	}
	if opts.Logger != nil {
		if _, err := s.Durability(ctx); err != nil {
			s.logger.WarnContext(ctx, "redis: what a crash of the server would lose could not be found out", "error", err)
		}
	}
	return s, nil
}

// clientOptions reads a URL. Its errors do not quote it: there may be a password
// in it.
func clientOptions(rawURL string, opts *Options) (*redis.Options, error) {
	wrong := func(reason string) error {
		return &tokenkeep.Error{
			Class: tokenkeep.Misconfigured, Op: "redis: open", Reason: reason,
			Hint: "write redis://host:6379/0, or rediss:// for TLS; letters that have a meaning in a URL are written with a percent sign",
		}
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, wrong("the URL cannot be read")
	}
	if u.Query().Has("skip_verify") {
		return nil, wrong("skip_verify switches off the check of the server's certificate")
	}
	settings, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, wrong("the URL's scheme, path or a parameter is not known to the client")
	}
	settings.Username = cmp.Or(opts.Username, settings.Username)
	settings.Password = cmp.Or(opts.Password.Reveal(), settings.Password)
	if settings.TLSConfig != nil && opts.TLSConfig != nil {
		own := opts.TLSConfig.Clone()
		own.ServerName = cmp.Or(own.ServerName, settings.TLSConfig.ServerName)
		settings.TLSConfig = own
	}
	if settings.TLSConfig != nil && settings.TLSConfig.InsecureSkipVerify {
		return nil, wrong("Options.TLSConfig switches off the check of the server's certificate")
	}
	tune(settings)
	return settings, nil
}

// tune sets what a URL cannot say: a call ends with its context, and a server that
// is down is found so within about a second.
func tune(settings *redis.Options) {
	settings.ContextTimeoutEnabled = true
	settings.DialerRetries = 1
	settings.MaxRetryBackoff = cmp.Or(settings.MaxRetryBackoff, 250*time.Millisecond)
	settings.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
