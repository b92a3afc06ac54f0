package sqlitestore_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// Eight processes write as fast as they can. None meets an error, none starves.
func TestContest(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const writers = 8
	path := filepath.Join(t.TempDir(), "tokens.db")
	var children []*child
	for i := range writers {
		children = append(children, startChild(t, fmt.Sprintf("write %s user%d", path, i), nil))
	}
	for _, c := range children {
		c.begin(t)
	}
	var tallies []tally
	total, worst := 0, time.Duration(0)
	for _, c := range children {
		line := c.line(t)
		var sum tally
		if err := json.Unmarshal([]byte(line), &sum); err != nil {
			t.Fatalf("a writer failed: %s", line)
		}
		c.wait(t, line)
		tallies = append(tallies, sum)
		total += sum.Saves
		worst = max(worst, sum.Worst)
	}
	t.Logf("%d saves in %v, worst save %v: %v", total, writeTime, worst, tallies)
	for i, sum := range tallies {
		if share := float64(sum.Saves*writers) / float64(total); share < 0.25 {
			t.Errorf("writer %d made %d of %d saves: %.2f of its fair share, want 0.25 at least", i, sum.Saves, total, share)
		}
	}
}
