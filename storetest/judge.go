package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// judge returns why a history of operations is not linearizable; nothing if it is.
//
// In general that is hard to decide. Here it is not, because every answer names the
// version of the row, which tells the order of the writes, and which write a read
// saw. What is left to see is that this order agrees with time: no operation may see
// a version from before what had ended when it began, nor one whose write began after
// it ended; and that each save of a version replaced exactly that one.
func judge(ops []op) []string {
	rows := map[string]*rowHistory{}
	for _, o := range ops {
		h := rows[o.id]
		if h == nil {
			h = &rowHistory{writes: map[int64]op{}}
			rows[o.id] = h
		}
		h.ops = append(h.ops, o)
	}
	var problems []string
	for _, h := range rows {
		problems = append(problems, h.judge()...)
	}
	return problems
}

// A rowHistory is what happened to one row.
type rowHistory struct {
	ops      []op
	writes   map[int64]op // by the version that they made
	versions []int64      // in ascending order
	deleted  *op
	problems []string
}

func (h *rowHistory) judge() []string {
	slices.SortFunc(h.ops, func(a, b op) int { return cmp.Compare(a.start, b.start) })
	h.collect()
	h.judgeOrder()
	for _, o := range h.ops {
		h.judgeAnswer(o)
	}
	return h.problems
}

func (h *rowHistory) blame(o op, format string, args ...any) {
	h.problems = append(h.problems, fmt.Sprintf(format, args...)+": "+o.String())
}

// isWrite reports whether o made a version.
func (o op) isWrite() bool {
	return o.result == opDone && (o.kind == opSwap || o.kind == opUpsert)
}

// collect finds the writes and the deletion.
func (h *rowHistory) collect() {
	for _, o := range h.ops {
		switch {
		case o.isWrite():
			if other, taken := h.writes[o.version]; taken {
				h.blame(o, "version %d was made twice, also by %s", o.version, other.by)
			}
			h.writes[o.version] = o
			h.versions = append(h.versions, o.version)
		case o.kind == opDelete && o.result == opDone:
			if h.deleted != nil {
				h.blame(o, "the row was deleted twice, also by %s", h.deleted.by)
			}
			h.deleted = &o
		}
	}
	slices.Sort(h.versions)
}

// judgeOrder sees that no operation saw or made a version from before what had ended
// when it began.
func (h *rowHistory) judgeOrder() {
	ended := slices.Clone(h.ops)
	slices.SortFunc(ended, func(a, b op) int { return cmp.Compare(a.end, b.end) })
	var newest op
	for _, o := range h.ops {
		for len(ended) > 0 && ended[0].end < o.start {
			if ended[0].version > newest.version {
				newest = ended[0]
			}
			ended = ended[1:]
		}
		if o.result != opDone || o.kind == opDelete {
			continue
		}
		if o.version < newest.version || o.isWrite() && o.version == newest.version {
			h.blame(o, "version %d had been seen before it began, by %s", newest.version, newest.by)
		}
	}
}

// judgeAnswer sees that one answer can be explained.
func (h *rowHistory) judgeAnswer(o op) {
	switch {
	case o.result == opMissing && !h.deletedBefore(o.end):
		h.blame(o, "nobody had deleted the row")
	case o.result == opConflict && !h.deletedBefore(o.end) && !h.replacedBefore(o.from, o.end):
		h.blame(o, "nobody had replaced version %d", o.from)
	case o.result == opDone && h.deleted != nil && o.start > h.deleted.end:
		h.blame(o, "the row had been deleted by %s", h.deleted.by)
	case o.result == opDone && o.kind == opRead:
		h.judgeRead(o)
	case o.result == opDone && o.kind == opSwap:
		h.judgeSwap(o)
	}
}

// judgeRead sees that a read returned what was written, by a write that had begun.
func (h *rowHistory) judgeRead(o op) {
	w, ok := h.writes[o.version]
	switch {
	case !ok:
		h.blame(o, "nobody wrote version %d", o.version)
	case w.value != o.value:
		h.blame(o, "version %d was written as %q", o.version, w.value)
	case w.start > o.end:
		h.blame(o, "version %d was written later", o.version)
	}
}

// judgeSwap sees that a save of a version replaced that one.
func (h *rowHistory) judgeSwap(o op) {
	at, _ := slices.BinarySearch(h.versions, o.version)
	if at == 0 || h.versions[at-1] != o.from {
		h.blame(o, "the version before it is not the one that it replaced")
	}
}

// deletedBefore reports whether the row's deletion had begun by then.
func (h *rowHistory) deletedBefore(then time.Duration) bool {
	return h.deleted != nil && h.deleted.start <= then
}

// replacedBefore reports whether a save of something newer had begun by then.
func (h *rowHistory) replacedBefore(version int64, then time.Duration) bool {
	for _, v := range h.versions {
		if v > version && h.writes[v].start <= then {
			return true
		}
	}
	return false
}
