package zohotest

import (
	"log/slog"
	"sync"
	"time"
)

// A Fake is a whole Zoho: accounts servers, CRM, users and clients, in memory.
// It is safe for concurrent use.
type Fake struct {
	opts Options
	log  *slog.Logger
	net  network

	// mu guards memory only: it is never held across I/O or a wait.
	mu          sync.Mutex
	offset      time.Duration
	autoApprove string
	book        book
	crm         crmData
	faults      []*armedFault
	tally       tally
	journal     []Request
}

// New makes a fake without a listener. A nil *Options is ready for use.
func New(opts *Options) *Fake {
	o := opts.withDefaults()
	f := &Fake{opts: o, log: o.Logger, autoApprove: o.AutoApprove}
	f.book = newBook(&f.opts)
	f.crm = newCRMData()
	f.tally = newTally()
	f.net.endpoints = hostTable(o.DataCentres)
	return f
}

// Now is the fake's time: Options.Now plus everything advanced.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now()
}

// now is Now for callers that hold the lock.
func (f *Fake) now() time.Time { return f.opts.Now().Add(f.offset) }

// Advance moves the fake's clock. It does not touch the timers of delays.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offset += d
}

// SetAutoApprove changes Options.AutoApprove while the fake runs.
func (f *Fake) SetAutoApprove(email string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.autoApprove = email
}
