package zohotest

import "time"

// A windowRule is a number of events allowed in a length of time.
type windowRule struct {
	limit   int // negative: no limit
	length  time.Duration
	sliding bool
	extend  bool // a refused event starts the lock anew
}

// A window counts events. The zero value is ready for use.
type window struct {
	start time.Time
	times []time.Time
}

// take counts one event, or refuses it.
func (w *window) take(now time.Time, r windowRule) bool {
	w.expire(now, r)
	if r.limit >= 0 && len(w.times) >= r.limit {
		w.refuse(now, r)
		return false
	}
	w.add(now)
	return true
}

// add counts one event without asking.
func (w *window) add(now time.Time) {
	if len(w.times) == 0 {
		w.start = now
	}
	w.times = append(w.times, now)
}

func (w *window) refuse(now time.Time, r windowRule) {
	if !r.extend {
		return
	}
	w.start = now
	for i := range w.times {
		w.times[i] = now
	}
}

// expire forgets what the window no longer covers: everything at the end of a
// fixed window, event by event in a sliding one.
func (w *window) expire(now time.Time, r windowRule) {
	if !r.sliding {
		if now.Sub(w.start) >= r.length {
			w.times = nil
		}
		return
	}
	for len(w.times) > 0 && now.Sub(w.times[0]) >= r.length {
		w.times = w.times[1:]
	}
}
