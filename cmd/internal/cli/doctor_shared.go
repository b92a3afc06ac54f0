package cli

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

// checkRedis tells what a crash of a Redis server would lose.
func (a *App) checkRedis(ctx context.Context, s tokenkeep.TokenStore) []checkup {
	const name = "persistence"
	r, ok := bare(s).(*redisstore.Store)
	if !ok {
		return nil
	}
	report, err := r.Durability(ctx)
	if err != nil {
		return []checkup{broken(tokenkeep.StoreUnavailable, name, hintFor(err), "%s", message(err))}
	}
	if len(report.Warnings) == 0 {
		return []checkup{good(name, "%s; a crash of the server loses %s", report.Persistence, report.Loss)}
	}
	var list []checkup
	for _, w := range report.Warnings {
		list = append(list, warn(name, redisFix(report), "%s", w))
	}
	return list
}

// redisFix is what to tell the server.
func redisFix(r redisstore.Report) string {
	var steps []string
	if r.Persistence != redisstore.AppendAlways && r.Persistence != redisstore.AppendEverySecond {
		steps = append(steps, "redis-cli CONFIG SET appendonly yes; redis-cli CONFIG SET appendfsync everysec")
	}
	if r.MayEvict {
		steps = append(steps, "redis-cli CONFIG SET maxmemory-policy noeviction")
	}
	if len(steps) == 0 {
		return "see what the warning says, on the server"
	}
	return strings.Join(steps, "; ") + "; then redis-cli CONFIG REWRITE, so that it stays"
}

// checkIDs finds ids with which Zoho's own SDKs fail or lose tokens when they share
// the store. In a database they take the largest id as text, so that the eleventh
// token of a table gets the id of the tenth: Node and Python fail, Java and PHP
// write over it. In a file they take it as a number.
func (a *App) checkIDs(ctx context.Context, l stores.Location, tokens []*tokenkeep.Token) checkup {
	const name = "ids"
	var odd, large, short []string
	for _, t := range tokens {
		n, err := strconv.ParseInt(t.ID, 10, 64)
		switch {
		case err != nil || n < 0:
			odd = append(odd, t.ID)
		case n > math.MaxInt32:
			large = append(large, t.ID)
		case len(t.ID) != 10:
			short = append(short, t.ID)
		}
	}
	fresh := "move the tokens into a store with ids of its own (tokenkeep store migrate, or tokens import)"
	switch {
	case len(odd) > 0:
		return broken("", name, fresh, "ids that are no numbers make every save of Zoho's SDKs fail: %s", someOf(odd))
	case len(large) > 0:
		return warn(name, fresh, "ids above %d, with which Zoho's Java SDK fails: %s", math.MaxInt32, someOf(large))
	case len(short) > 0 && slices.Contains([]string{"sqlite", "mysql", "postgres"}, l.Scheme):
		return checkElevenths(ctx, l, short)
	}
	return good(name, "all are numbers that Zoho's SDKs can count on")
}

// checkElevenths tells whether ids of unequal width are dangerous, and the cure.
func checkElevenths(ctx context.Context, l stores.Location, short []string) checkup {
	const name = "ids"
	kind, err := stores.IDType(ctx, l)
	if err != nil {
		return warn(name, "", "the type of the column id cannot be found out: %v", err)
	}
	if strings.Contains(kind, "int") || kind == "numeric" || kind == "decimal" {
		return good(name, "all are numbers, in a column of the type %s", kind)
	}
	var fix string
	if l.Scheme == "mysql" {
		fix = fmt.Sprintf("stop the programs, then: ALTER TABLE %s MODIFY id BIGINT NOT NULL", l.Server.Table)
	}
	return warn(name, cmp.Or(fix, "move the tokens into a store with ids of its own: tokenkeep store migrate, or tokens import"),
		"ids of other than ten digits (%s) in a column of text: with ten of them Zoho's SDKs give the eleventh token the id of the tenth, and fail or write over it", someOf(short))
}

// checkTwice finds logins that are in the store more than once: each row would be
// refreshed for itself.
func checkTwice(tokens []*tokenkeep.Token) checkup {
	const name = "duplicates"
	first := map[string]string{}
	var twice []string
	for _, t := range tokens {
		secret := t.RefreshToken.Reveal()
		if secret == "" {
			continue
		}
		if id, found := first[secret]; found {
			twice = append(twice, id+" and "+t.ID)
			continue
		}
		first[secret] = t.ID
	}
	if len(twice) > 0 {
		return warn(name, "keep one of each: tokenkeep tokens show ID, then tokenkeep tokens delete ID (not logout, which would revoke both)",
			"tokens with one and the same refresh token use up its limits for each other: %s", someOf(twice))
	}
	return good(name, "no two rows have one refresh token")
}

// someOf lists up to five.
func someOf(list []string) string {
	if len(list) > 5 {
		return strings.Join(list[:5], ", ") + fmt.Sprintf(" and %d more", len(list)-5)
	}
	return strings.Join(list, ", ")
}
