package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestJudge shows that the judge of histories sees each way in which one can fail
// to be linearizable, and accuses no good one.
func TestJudge(t *testing.T) {
	write := func(from, version int64, start, end int) op {
		return op{kind: opSwap, id: "r", result: opDone, from: from, version: version, value: value(version), start: moment(start), end: moment(end), by: "w"}
	}
	insert := op{kind: opUpsert, id: "r", result: opDone, version: 1, value: value(1), start: moment(0), end: moment(1), by: "i"}
	read := func(version int64, start, end int) op {
		return op{kind: opRead, id: "r", result: opDone, version: version, value: value(version), start: moment(start), end: moment(end), by: "r"}
	}
	not := func(o op, result opResult) op {
		o.result = result
		if o.kind == opRead {
			o.version, o.value = 0, ""
		}
		return o
	}
	remove := op{kind: opDelete, id: "r", result: opDone, start: moment(10), end: moment(11), by: "d"}
	otherValue := read(1, 2, 3)
	otherValue.value = "somebody else's"
	lost := not(write(1, 0, 4, 5), opConflict)
	for _, c := range []struct {
		name string
		ops  []op
		want string // part of the only problem; empty for a good history
	}{
		{"nothing happened twice", []op{insert, write(1, 2, 2, 5), read(1, 3, 4), read(2, 3, 4), read(2, 6, 7)}, ""},
		{"a conflict beside the winner", []op{insert, write(1, 2, 3, 9), lost}, ""},
		{"reads around a deletion", []op{insert, remove, read(1, 9, 12), not(read(0, 9, 12), opMissing), not(write(1, 0, 12, 13), opConflict)}, ""},
		{"an older version is read again", []op{insert, write(1, 2, 2, 3), read(1, 4, 5)}, "had been seen before"},
		{"two reads go back", []op{insert, write(1, 2, 2, 9), read(2, 3, 4), read(1, 5, 6)}, "had been seen before"},
		{"a version is made twice", []op{insert, write(1, 2, 2, 4), write(1, 2, 3, 5)}, "made twice"},
		{"a save replaces another version", []op{insert, write(1, 2, 2, 3), write(1, 3, 4, 5)}, "not the one that it replaced"},
		{"a read comes before its write", []op{insert, read(2, 2, 3), write(1, 2, 4, 5)}, "written later"},
		{"a read of what nobody wrote", []op{insert, read(7, 2, 3)}, "nobody wrote"},
		{"a read of another value", []op{insert, otherValue}, "was written as"},
		{"a conflict with nobody", []op{insert, lost}, "nobody had replaced"},
		{"a row that is missing by itself", []op{insert, not(read(0, 2, 3), opMissing)}, "nobody had deleted"},
		{"a deleted row is back", []op{insert, remove, read(1, 12, 13)}, "had been deleted"},
		{"a row is deleted twice", []op{insert, remove, remove}, "deleted twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := judge(c.ops)
			if c.want == "" && len(got) > 0 {
				t.Errorf("a good history was blamed: %v", got)
			}
			if c.want != "" && (len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), c.want)) {
				t.Errorf("judge() = %q, want %q", got, c.want)
			}
		})
	}
}

// moment is the n-th moment of a history, and value what is written as a version.
func moment(n int) time.Duration { return time.Duration(n) * time.Millisecond }
func value(version int64) string { return fmt.Sprintf("value %d", version) }
