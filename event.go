package tokenkeep

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// An EventKind says what happened to a token.
type EventKind string

// The kinds of events.
const (
	// LoggedIn: a grant was redeemed and saved.
	LoggedIn EventKind = "logged_in"
	// Refreshed: this process minted an access token and saved it.
	Refreshed EventKind = "refreshed"
	// Adopted: a newer token was taken from the store, which another process had
	// refreshed or another program had saved; Reason says which.
	Adopted EventKind = "adopted"
	// TakenOver: a claim stood still for its time and was taken over.
	TakenOver EventKind = "taken_over"
	// Dropped: this process minted a token and dropped it, because the row had a
	// newer one or was deleted.
	Dropped EventKind = "dropped"
	// Failed: a refresh failed; Class says how.
	Failed EventKind = "failed"
	// HeldBack: a refresh was due and no request was sent, because the provider's
	// quota is used up. It is told of once for each such time.
	HeldBack EventKind = "held_back"
	// Invalidated: the API refused an access token before its expiry.
	Invalidated EventKind = "invalidated"
	// Unsaved: a token was minted and the store did not take it in time.
	Unsaved EventKind = "unsaved"
	// Rescued: a token that the store had not taken was saved from the rescue
	// journal.
	Rescued EventKind = "rescued"
	// Named: the user name of a token was looked up and saved.
	Named EventKind = "named"
	// Ended: a limit of the Policy ended the login; Reason says which. The row stays.
	Ended EventKind = "ended"
	// Revoked: the refresh token was revoked at the provider.
	Revoked EventKind = "revoked"
	// LimitNear: a login left the user few of the refresh tokens that the provider
	// allows, or none.
	LimitNear EventKind = "limit_near"
	// Deleted: the row was deleted.
	Deleted EventKind = "deleted"
)

// An Event tells what happened to a token. It holds no secret. As JSON it has no
// fields that are empty, and comes back as it was.
type Event struct {
	Kind EventKind `json:"kind"`
	// TokenID, UserName, ClientID, DataCentre and Version are those of the row after
	// the event, as far as they are known.
	TokenID    string `json:"token_id,omitempty"`
	UserName   string `json:"user_name,omitempty"`
	ClientID   string `json:"client_id,omitempty"`
	DataCentre string `json:"data_centre,omitempty"`
	Version    int64  `json:"version,omitempty"`
	// Login tells logins of one row apart: a short hash of the refresh token, which
	// tells nothing about it.
	Login string `json:"login,omitempty"`
	// Time is when it happened, by this process's clock.
	Time time.Time `json:"time"`
	// Owner names the flight: host, process and number.
	Owner string `json:"owner,omitempty"`
	// Actor names the person or program that asked for it, if one did: see
	// [WithActor].
	Actor string `json:"actor,omitempty"`
	// Class is set for Failed, Ended, HeldBack and Unsaved.
	Class Class `json:"class,omitempty"`
	// Journaled is set for Unsaved when the token is safe in the rescue journal.
	Journaled bool `json:"journaled,omitempty"`
	// Reason says why, in words.
	Reason string `json:"reason,omitempty"`
	// Expiry is when the access token ends, for LoggedIn, Refreshed, Rescued
	// and Adopted.
	Expiry time.Time `json:"expiry,omitzero"`
}

// LogValue implements [slog.LogValuer].
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", string(e.Kind)), slog.String("token", e.TokenID)}
	add := func(k, v string) {
		if v != "" {
			attrs = append(attrs, slog.String(k, v))
		}
	}
	add("user", e.UserName)
	add("login", e.Login)
	add("actor", e.Actor)
	add("owner", e.Owner)
	add("class", string(e.Class))
	add("reason", e.Reason)
	if e.Kind == Unsaved {
		attrs = append(attrs, slog.Bool("journaled", e.Journaled))
	}
	if e.Version > 0 {
		attrs = append(attrs, slog.Int64("version", e.Version))
	}
	if !e.Expiry.IsZero() {
		attrs = append(attrs, slog.Time("expiry", e.Expiry))
	}
	return slog.GroupValue(attrs...)
}

// An EventHandler is told of events after what they tell is durable. It is
// called on the goroutine of the refresh: it must return quickly, and a panic in
// it is recovered and logged. It must be safe for concurrent use.
type EventHandler func(ctx context.Context, e Event)

// of returns e with what row tells of it.
func (e Event) of(row *Token) Event {
	e.TokenID, e.UserName, e.Version = row.ID, row.UserName, row.Version
	e.ClientID, e.DataCentre, e.Login = row.ClientID, row.DataCentre, LoginMark(row.RefreshToken)
	return e
}

// emit logs an event, records it, and tells the handler. Nothing that a handler does can
// disturb what the event tells of: it is durable already.
func (k *Keeper) emit(ctx context.Context, e Event) {
	e.Time = time.Now()
	if e.Owner == "" {
		e.Owner = k.owner
	}
	e.Actor = actorOf(ctx)
	level := slog.LevelInfo
	if slices.Contains([]EventKind{Failed, HeldBack, Unsaved, LimitNear}, e.Kind) {
		level = slog.LevelWarn
	}
	k.guard(ctx, "logger", func() {
		k.opts.Logger.LogAttrs(ctx, level, "tokenkeep: "+string(e.Kind), slog.Any("event", e)) //nolint:sloglint // the kind is one of a few constants
	})
	k.recorder.add(ctx, e)
	if k.opts.OnEvent != nil {
		k.guard(ctx, "event handler", func() { k.opts.OnEvent(ctx, e) })
	}
}
