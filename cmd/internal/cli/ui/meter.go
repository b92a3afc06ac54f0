package ui

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Meter shows how far a long operation is, on standard error: a bar on a
// terminal, else a line every ten seconds; nothing in the first second, and
// nothing at all with Quiet. Its methods may be called by several goroutines.
type Meter struct {
	ui    *IO
	what  string
	total int64
	done  atomic.Int64
	once  sync.Once
	end   chan struct{}
	wg    sync.WaitGroup
}

// Meter begins to show what, of which there are total steps. Call Stop at the end.
func (u *IO) Meter(what string, total int) *Meter {
	m := &Meter{ui: u, what: what, total: int64(total), end: make(chan struct{})}
	if !u.Quiet {
		m.wg.Go(m.run)
	}
	return m
}

// Set says that n steps are done.
func (m *Meter) Set(n int) { m.done.Store(int64(n)) }

// Stop ends the show; calling it again is harmless.
func (m *Meter) Stop() {
	m.once.Do(func() { close(m.end) })
	m.wg.Wait()
}

func (m *Meter) run() {
	pause, bar := 10*patience, m.ui.ErrIsTerminal()
	if bar {
		pause = patience / 5
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for shown := false; ; shown = true {
		select {
		case <-m.end:
			if bar && shown {
				fmt.Fprint(m.ui.Err, "\r\x1b[K")
			}
			return
		case <-timer.C:
			m.show(bar)
			timer.Reset(pause)
		}
	}
}

// barWidth is that of the bar in characters.
const barWidth = 30

func (m *Meter) show(bar bool) {
	done, total := m.done.Load(), max(m.total, 1)
	percent := min(100, 100*done/total)
	if !bar {
		fmt.Fprintf(m.ui.Err, "- %s: %d of %d (%d%%)\n", m.what, done, m.total, percent)
		return
	}
	full := int(barWidth * percent / 100)
	fmt.Fprintf(m.ui.Err, "\r\x1b[K%s [%s%s] %d of %d (%d%%)", m.what, strings.Repeat("#", full), strings.Repeat("-", barWidth-full), done, m.total, percent)
}
