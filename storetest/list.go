package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func listChecks() []check {
	return []check{
		{name: "functional/list-break", level: Basic, run: checkListBreak},
		{name: "functional/list-cancel", level: Basic, run: checkListCancel},
		{name: "functional/list-save-inside", level: Basic, run: checkListSaveInside},
		{name: "functional/list-delete-inside", level: Basic, run: checkListDeleteInside},
	}
}

const listRows = 20

// listed returns a store with listRows rows.
func (x *trial) listed() tokenkeep.TokenStore {
	s := x.fresh()
	for i := range listRows {
		x.save(s, plain(fmt.Sprintf("user%02d", i)))
	}
	return s
}

// checkListBreak: a loop can be left at any row, the sequence can be used again,
// and nothing stays locked.
func checkListBreak(x *trial) {
	s := x.listed()
	seq := s.GetTokens(x.ctx)
	for stop := range 5 {
		seen := 0
		for _, err := range seq {
			x.must(err, "list")
			if seen++; seen > stop {
				break
			}
		}
		if seen != stop+1 {
			x.errorf("a loop that was left after %d rows saw %d", stop+1, seen)
		}
		x.save(s, plain("user00"))
	}
	rows, err := collect(seq)
	x.must(err, "list by a sequence that was used before")
	if len(rows) != listRows {
		x.errorf("a sequence that was used before yields %d of %d rows", len(rows), listRows)
	}
}

// checkListCancel: a list ends with an error, and a nil token, soon after its
// context ended.
func checkListCancel(x *trial) {
	s := x.listed()
	ctx, cancel := context.WithCancel(x.ctx)
	defer cancel()
	seen, last := 0, error(nil)
	for t, err := range s.GetTokens(ctx) {
		if last != nil {
			x.errorf("the list goes on after an error")
			break
		}
		if last = err; err != nil {
			if t != nil {
				x.errorf("the list yields a token with an error")
			}
			continue
		}
		if seen++; seen == 1 {
			cancel()
			time.Sleep(20 * time.Millisecond) // for stores that notice in the background
		}
	}
	if !errors.Is(last, context.Canceled) {
		x.errorf("the list yields %d of %d rows and the error %v after its context was cancelled at the first", seen, listRows, last)
	}
}

// checkListSaveInside: a row can be saved while the list is read, as a migration
// does, and no row is yielded twice.
func checkListSaveInside(x *trial) {
	s := x.listed()
	seen := map[string]bool{}
	for t, err := range s.GetTokens(x.ctx) {
		x.must(err, "list while saving")
		if seen[t.ID] {
			x.fatalf("the list yields a row again after it was saved")
		}
		seen[t.ID] = true
		t.RedirectURL = testURL
		x.must(s.SaveToken(x.ctx, t), "save inside a list")
		x.get(s, t.ID)
	}
	if len(seen) != listRows {
		x.errorf("a list that saves yields %d of %d rows", len(seen), listRows)
	}
	for _, t := range x.all(s) {
		if t.RedirectURL != testURL {
			x.errorf("a save inside a list is lost")
		}
	}
}

// checkListDeleteInside: rows can be deleted while the list is read.
func checkListDeleteInside(x *trial) {
	s := x.listed()
	for t, err := range s.GetTokens(x.ctx) {
		x.must(err, "list while deleting")
		x.must(s.DeleteToken(x.ctx, t.ID), "delete inside a list")
	}
	if n := len(x.all(s)); n != 0 {
		x.errorf("%d rows are left after a list that deleted each", n)
	}
}
