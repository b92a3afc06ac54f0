package zohotest

import (
	"slices"
	"time"
)

// A book holds clients, users, codes and tokens. Its methods expect the fake's
// lock to be held.
type book struct {
	opts      *Options
	clients   map[string]Client
	users     map[string]User
	codes     map[string]*grantCode
	refresh   map[string]*refreshToken
	groups    map[[2]string][]*refreshToken // alive ones that count together, oldest first
	access    map[string]*accessToken
	devices   map[string]*device // by device code
	pending   map[string]*pendingConsent
	consented map[[2]string]bool // client, user: an offline consent was given
	codeSlots map[string]*window // by client
	serial    int
}

func newBook(o *Options) book {
	return book{
		opts:      o,
		clients:   make(map[string]Client),
		users:     make(map[string]User),
		codes:     make(map[string]*grantCode),
		refresh:   make(map[string]*refreshToken),
		groups:    make(map[[2]string][]*refreshToken),
		access:    make(map[string]*accessToken),
		devices:   make(map[string]*device),
		pending:   make(map[string]*pendingConsent),
		consented: make(map[[2]string]bool),
		codeSlots: make(map[string]*window),
	}
}

// A holder is whom a code or a token belongs to, and where it is good.
type holder struct {
	client, email string
	dc, env       string
	scopes        []string
}

type grantCode struct {
	holder
	code              string
	redirect          string
	self              bool // self client: no redirect URI
	wantsRefresh      bool
	challenge, method string
	expires           time.Time
	used              bool
}

type refreshToken struct {
	holder
	token    string
	serial   int // order of issue
	created  time.Time
	slots    window
	live     []*accessToken // oldest first
	dead     string         // why it is dead; empty: alive
	spent    time.Time      // of its first use, at a profile that rotates
	family   *family        // nil: it has no kin
	parent   *refreshToken  // what it was rotated from
	counts   TokenCounters
	inFlight int
}

type accessToken struct {
	holder
	token   string
	expires time.Time
	parent  *refreshToken // nil: online, client credentials
	dead    string
}

func (a *accessToken) goodAt(now time.Time) bool { return a.dead == "" && now.Before(a.expires) }

func (b *book) refreshRule() windowRule {
	return windowRule{
		limit: b.opts.Limits.RefreshesPerWindow, length: b.opts.Limits.Window,
		sliding: b.opts.SlidingWindow, extend: b.opts.RetriesExtendLock,
	}
}

func (b *book) codeRule() windowRule {
	r := b.refreshRule()
	r.limit = b.opts.Limits.CodesPerWindow
	return r
}

// takeCodeSlot counts a code against its client's window (Zoho CRM v8 docs,
// Token validity: 10 grant tokens in 10 minutes per client).
func (b *book) takeCodeSlot(client string, now time.Time) bool {
	w := b.codeSlots[client]
	if w == nil {
		w = new(window)
		b.codeSlots[client] = w
	}
	return w.take(now, b.codeRule())
}

// mintAccess makes an access token. It reports how many older ones it killed:
// a refresh token has a limited number of live access tokens (Zoho CRM v8 docs,
// Token validity).
func (b *book) mintAccess(h holder, parent *refreshToken, now time.Time) (*accessToken, int) {
	a := &accessToken{
		holder: h, token: newToken(), parent: parent,
		expires: now.Add(b.opts.Limits.AccessTokenLife),
	}
	b.access[a.token] = a
	if parent == nil {
		return a, 0
	}
	parent.live = append(parent.live, a)
	return a, parent.evict(now, b.opts.Limits.LiveAccessTokens)
}

// evict kills the oldest access tokens beyond the limit.
func (r *refreshToken) evict(now time.Time, limit int) int {
	r.live = slices.DeleteFunc(r.live, func(a *accessToken) bool { return !a.goodAt(now) })
	n := 0
	for limit >= 0 && len(r.live) > limit {
		r.live[0].dead = "evicted"
		r.live = r.live[1:]
		n++
	}
	r.counts.Evictions += n
	return n
}

// mintRefresh makes a refresh token. It reports how many older ones it killed:
// too many kill the oldest, in use or not, with their access tokens (Zoho CRM v8
// docs, Token validity).
func (b *book) mintRefresh(h holder, now time.Time) (*refreshToken, int) {
	b.serial++
	r := &refreshToken{holder: h, token: newToken(), created: now, serial: b.serial}
	b.refresh[r.token] = r
	key := b.groupOf(h)
	group := slices.DeleteFunc(b.groups[key], func(r *refreshToken) bool { return r.dead != "" })
	group = append(group, r)
	n := 0
	for limit := b.opts.Limits.RefreshTokens; limit >= 0 && len(group) > limit; n++ {
		group[0].kill("superseded")
		group = group[1:]
	}
	b.groups[key] = group
	return r, n
}

// groupOf names the refresh tokens that count together.
func (b *book) groupOf(h holder) [2]string {
	switch b.opts.CountRefreshTokens {
	case CountByUser:
		return [2]string{"", h.email}
	case CountByClient:
		return [2]string{h.client, ""}
	}
	return [2]string{h.client, h.email}
}

// kill ends a refresh token and its access tokens.
func (r *refreshToken) kill(reason string) {
	if r.dead == "" {
		r.dead = reason
	}
	for _, a := range r.live {
		a.dead = reason
	}
	r.live = nil
}

// killAll ends every refresh and access token that the filter picks.
func (b *book) killAll(reason string, pick func(holder) bool) {
	for _, r := range b.refresh {
		if pick(r.holder) {
			r.kill(reason)
		}
	}
	for _, a := range b.access {
		if a.dead == "" && pick(a.holder) {
			a.dead = reason
		}
	}
}
