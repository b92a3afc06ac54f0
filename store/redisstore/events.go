package redisstore

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
)

// DefaultHistoryLength is how many events a store keeps whose options say nothing:
// some 25 MB of memory.
const DefaultHistoryLength = 50_000

// AppendEvents implements [tokenkeep.Historian] in one round trip: all of events, or
// none. What is beyond Options.HistoryLength goes, the oldest first.
func (s *Store) AppendEvents(ctx context.Context, events []tokenkeep.Event) error {
	err := s.keepsHistory()
	if err == nil && len(events) == 0 {
		err = ctx.Err()
	} else if err == nil {
		err = s.appendEvents(ctx, events)
	}
	return s.fail(ctx, "append to the history", err)
}

func (s *Store) appendEvents(ctx context.Context, events []tokenkeep.Event) error {
	args := []any{newNonce(), s.keep}
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("%w: an event of kind %q cannot be written: %w", tokenkeep.ErrInvalid, e.Kind, err)
		}
		args = append(args, text)
	}
	_, err := s.runOn(ctx, s.scripts.append, s.historyKeys(), args...)
	return err
}

// Events implements [tokenkeep.Historian]. It reads pages of 512 events, one round
// trip each, and holds nothing between them, so the loop's body may use the store.
// Events that are damaged are passed over and logged.
func (s *Store) Events(ctx context.Context, q tokenkeep.EventQuery) iter.Seq2[tokenkeep.Event, error] {
	return func(yield func(tokenkeep.Event, error) bool) {
		err := s.eachEntry(ctx, func(page []entry) (bool, error) {
			for _, x := range page {
				if err := ctx.Err(); err != nil {
					return false, err
				}
				if x.ok && q.Fits(x.event) && !yield(x.event, nil) {
					return false, nil
				}
			}
			return true, nil
		})
		if err != nil {
			yield(tokenkeep.Event{}, s.fail(ctx, "read the history", err))
		}
	}
}

// PruneEvents implements [tokenkeep.Historian] in two round trips for each 512 events
// of the history. Events that are damaged go too, uncounted. If an answer is lost on its
// way, fewer may be counted than went.
func (s *Store) PruneEvents(ctx context.Context, before time.Time) (removed int, err error) {
	err = s.eachEntry(ctx, func(page []entry) (bool, error) {
		var old []any
		damaged := 0
		for _, x := range page {
			if !x.ok || x.event.Time.Before(before) {
				old = append(old, x.member)
			}
			if !x.ok {
				damaged++
			}
		}
		if len(old) == 0 {
			return true, nil
		}
		n, err := await(ctx, s, func(ctx context.Context) (int64, error) {
			return s.client.ZRem(ctx, s.historyKeys()[3], old...).Result()
		})
		removed += max(0, int(n)-damaged)
		return true, err
	})
	return removed, s.fail(ctx, "prune the history", err)
}

// historyPage is how many events are read at a time.
const historyPage = 512

// An entry is an event as the history has it.
type entry struct {
	event  tokenkeep.Event
	member string
	ok     bool // it could be read
}

// eachEntry calls use with the pages of the history until it returns false.
func (s *Store) eachEntry(ctx context.Context, use func([]entry) (bool, error)) error {
	if err := s.keepsHistory(); err != nil {
		return err
	}
	for from := "-inf"; ; {
		found, err := await(ctx, s, func(ctx context.Context) ([]redis.Z, error) {
			return s.client.ZRangeByScoreWithScores(ctx, s.historyKeys()[3], &redis.ZRangeBy{Min: from, Max: "+inf", Count: historyPage}).Result()
		})
		if err != nil || len(found) == 0 {
			return err
		}
		page := make([]entry, len(found))
		for i, z := range found {
			page[i] = s.parseEntry(ctx, z)
		}
		if more, err := use(page); err != nil || !more || len(found) < historyPage {
			return err
		}
		from = "(" + strconv.FormatFloat(found[len(found)-1].Score, 'f', -1, 64)
	}
}

// parseEntry reads a member of the history.
func (s *Store) parseEntry(ctx context.Context, z redis.Z) entry {
	member, _ := z.Member.(string)
	e, ok := parseEvent(member)
	if !ok {
		s.logger.WarnContext(ctx, "redis: a damaged event in the history is passed over", "number", z.Score)
	}
	return entry{event: e, member: member, ok: ok}
}

// parseEvent reads "NUMBER EVENT".
func parseEvent(member string) (e tokenkeep.Event, ok bool) {
	_, text, _ := strings.Cut(member, " ")
	err := json.Unmarshal([]byte(text), &e)
	return e, err == nil && e.Kind != ""
}

// keepsHistory returns an error if the options forbid a history.
func (s *Store) keepsHistory() error {
	if s.keep < 0 {
		return fmt.Errorf("%w: Options.HistoryLength says so", tokenkeep.ErrNoHistory)
	}
	return nil
}
