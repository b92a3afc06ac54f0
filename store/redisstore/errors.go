package redisstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
)

// fail returns err as the error of op: a context's error and the sentinels of
// package tokenkeep as they are, and the client's as what it means, with the next
// step.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	op = "redis: " + op
	switch {
	case err == nil:
		return nil
	case isOurs(err):
		return fmt.Errorf("%s: %w", op, err)
	case errors.Is(err, redis.ErrClosed):
		return fmt.Errorf("%s: the client: %w", op, tokenkeep.ErrClosed)
	case ended(ctx) != nil:
		return fmt.Errorf("%s: %w", op, ended(ctx))
	}
	f := diagnose(err)
	if f.sentinel != nil {
		return fmt.Errorf("%s: %w: %w; %s", op, f.sentinel, err, f.hint)
	}
	return &tokenkeep.Error{Class: f.class, Op: op, Hint: f.hint, Err: err}
}

// isOurs reports whether err is already one that callers can tell apart.
func isOurs(err error) bool {
	for _, sentinel := range []error{
		tokenkeep.ErrNotFound, tokenkeep.ErrNoKey, tokenkeep.ErrAmbiguous, tokenkeep.ErrConflict, tokenkeep.ErrInvalid,
		tokenkeep.ErrReadOnly, tokenkeep.ErrCorrupt, tokenkeep.ErrSchema, tokenkeep.ErrNoHistory, tokenkeep.ErrClosed,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return tokenkeep.ClassOf(err) != ""
}

// A finding is what an error of the client means.
type finding struct {
	// code is a text that the server's error contains. Scripts of servers before
	// version 7 quote an error in the middle of another.
	code string
	// sentinel is set where package tokenkeep has one, or else class.
	sentinel error
	class    tokenkeep.Class
	// hint says what to do.
	hint string
}

// findings are the errors of servers that have their own next step; the first that
// fits counts. See https://redis.io/docs/latest/develop/reference/protocol-spec/ and
// the error texts in Redis' server.c.
func findings() []finding {
	const down, wrong = tokenkeep.StoreUnavailable, tokenkeep.Misconfigured
	return []finding{
		{code: "READONLY ", sentinel: tokenkeep.ErrReadOnly, hint: "this server is a replica: connect to the master, or through Sentinel or a cluster client"},
		{code: "WRONGTYPE ", sentinel: tokenkeep.ErrCorrupt, hint: "a key with the store's name belongs to something else: choose another Prefix, or move that key away; nothing was changed"},
		{code: "WRONGPASS ", class: wrong, hint: "the user name or the password is wrong: check the URL, or Options.Username and Options.Password"},
		{code: "NOAUTH ", class: wrong, hint: "the server asks for a password: give it in Options.Password or in the URL"},
		{code: "invalid password", class: wrong, hint: "the password is wrong: check Options.Password or the URL"},
		{code: "without any password configured", class: wrong, hint: "the server has no password for this user: leave the password out, or set one on the server"},
		{code: "NOPERM ", class: wrong, hint: "the user lacks a right: allow it EVAL, EVALSHA and the commands of the scripts on the keys ~{PREFIX}:*, see the package's documentation"},
		{code: "ACL failure in script", class: wrong, hint: "the user lacks a right: allow it the commands of the scripts on the keys ~{PREFIX}:*, see the package's documentation"},
		{code: "can't run this command", class: wrong, hint: "the user lacks a right: allow it the commands of the scripts on the keys ~{PREFIX}:*, see the package's documentation"},
		{code: "unknown command", class: wrong, hint: "the server lacks a command that the store needs: it has to be Redis 4 or newer, or something that runs Redis' Lua scripts"},
		{code: "CROSSSLOT ", class: wrong, hint: "the proxy or client does not understand hash tags: use a cluster client"},
		{code: "DB index is out of range", class: wrong, hint: "the URL names a database that the server does not have: use a smaller number"},
		{code: "MOVED ", class: wrong, hint: "the server is part of a cluster: use redisstore.New with a redis.ClusterClient"},
		{code: "LOADING ", class: down, hint: "the server is starting and reads its data; try again in a while"},
		{code: "MASTERDOWN ", class: down, hint: "the replica has lost its master; try again after the failover"},
		{code: "CLUSTERDOWN ", class: down, hint: "the cluster does not serve the store's slot; see CLUSTER INFO"},
		{code: "MISCONF ", class: down, hint: "the server cannot write its snapshot to the disk and takes no writes; see its log and its disk"},
		{code: "OOM ", class: down, hint: "the server has reached maxmemory: give it more, or move other data away; what was saved before is intact"},
		{code: "NOREPLICAS ", class: down, hint: "the server has fewer replicas than min-replicas-to-write asks for; see INFO replication"},
		{code: "BUSY ", class: down, hint: "a script of another program blocks the server; see SCRIPT KILL"},
		{code: "max number of clients", class: down, hint: "the server has no connection left: raise maxclients, or lower the pool sizes of its clients"},
	}
}

// diagnose returns what an error of the client means.
func diagnose(err error) finding {
	text := err.Error()
	for _, f := range findings() {
		if strings.Contains(text, f.code) {
			return f
		}
	}
	if isTrust(err) {
		return finding{class: tokenkeep.Misconfigured, hint: "the server's certificate is not trusted for this name: check the host, or give the authority in Options.TLSConfig"}
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return finding{class: tokenkeep.Misconfigured, hint: "the server does not speak TLS on this port: use redis:// for a private network, or its TLS port"}
	}
	if errors.Is(err, redis.ErrPoolTimeout) {
		return finding{class: tokenkeep.StoreUnavailable, hint: "all connections of the pool are busy: raise its size, or look at what makes the server slow"}
	}
	return finding{class: tokenkeep.StoreUnavailable, hint: "check that the server runs and can be reached; a save whose answer was lost may be stored"}
}

// isTrust reports whether a certificate was refused.
func isTrust(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return ok
}
