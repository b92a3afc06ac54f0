package tokenkeep

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// A simProvider is an authorization server: what it gave, and what became of it.
type simProvider struct {
	w       *simWorld
	mu      sync.Mutex // guards what follows; a leaf, never held across a wait
	grants  map[string]*simGrant
	access  map[string]*simAccess
	codes   map[string]string // the refresh token that a code is worth
	logouts map[string]int    // users who log out at this moment
	minted  int
}

// A simGrant is a refresh token.
type simGrant struct {
	user   string
	born   time.Time // when the login was made
	rt     string
	parent string // what it was rotated from
	spent  time.Time
	dead   string // who ended it
	mints  []time.Time
	live   []time.Time // when its access tokens end
	opened time.Time   // the first mint of a window that does not slide
}

// A simAccess is an access token.
type simAccess struct {
	user   string
	born   time.Time // when the login was made
	n      int       // the order in which they were minted
	expiry time.Time
	dead   bool
}

func newSimProvider(w *simWorld) *simProvider {
	return &simProvider{
		w: w, grants: map[string]*simGrant{}, access: map[string]*simAccess{},
		codes: map[string]string{}, logouts: map[string]int{},
	}
}

// login gives a user a new refresh token, and an access token if with says so.
func (p *simProvider) login(user string, with bool) *Token {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grant(user, "")
	p.codes["code."+g.rt] = g.rt
	t := &Token{
		ClientID: "1000.CLIENT", DataCentre: "eu", APIDomain: "https://www.zohoapis.eu",
		RefreshToken: NewSecret(g.rt), Scopes: []string{"ZohoCRM.modules.ALL"},
	}
	if with {
		t.AccessToken, t.Expiry = p.mint(g)
		p.lives(g, t.Expiry)
	}
	return t
}

// grant makes a refresh token, for a caller that holds mu.
func (p *simProvider) grant(user, parent string) *simGrant {
	g := &simGrant{user: user, born: time.Now(), rt: fmt.Sprintf("1000.r%d", len(p.grants)+1), parent: parent}
	p.grants[g.rt] = g
	return g
}

// mint makes an access token, for a caller that holds mu.
func (p *simProvider) mint(g *simGrant) (Secret, time.Time) {
	for _, a := range p.access {
		a.dead = a.dead || p.w.plan.single && a.user == g.user
	}
	p.minted++
	value := fmt.Sprintf("1000.a%d", p.minted)
	a := &simAccess{user: g.user, born: p.grants[p.root(g.rt)].born, n: p.minted, expiry: time.Now().Add(p.w.plan.life)}
	p.access[value] = a
	return NewSecret(value), a.expiry
}

// refresh is the token endpoint.
func (p *simProvider) refresh(t *Token) (*Token, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[t.RefreshToken.Reveal()]
	if g == nil || t.UserName != "" && t.UserName != g.user {
		p.w.violated("(h) %q was sent for %q", t.RefreshToken.Reveal(), t.UserName)
		return nil, errSimInvalid
	}
	if err := p.throttle(g); err != nil {
		return nil, err
	}
	if g.dead != "" || !p.fresh(g) {
		return nil, errSimInvalid
	}
	answer := &Token{}
	answer.AccessToken, answer.Expiry = p.mint(g)
	g.mints = append(g.mints, time.Now())
	p.lives(g, answer.Expiry)
	if p.w.plan.rotation != RotationNone {
		answer.RefreshToken = NewSecret(p.grant(g.user, g.rt).rt)
		if g.spent.IsZero() {
			g.spent = time.Now()
		}
	}
	if p.minted%2 == 0 { // what an answer may omit
		answer.APIDomain, answer.Scopes = "https://www.zohoapis.eu", []string{"ZohoCRM.modules.ALL"}
	}
	p.w.stats.count("mints")
	return answer, nil
}

// lives notes that another access token of g lives until end. Zoho ends the oldest of
// sixteen, which somebody may be using: the rows know of every one.
func (p *simProvider) lives(g *simGrant, end time.Time) {
	g.live = slices.DeleteFunc(append(g.live, end), func(t time.Time) bool { return !t.After(time.Now()) })
	if len(g.live) == simLive {
		p.w.stats.count("times all access tokens live")
	}
	if len(g.live) > simLive {
		p.w.violated("(e) %d access tokens of %s live at once", len(g.live), g.rt)
	}
}

// simLive is how many access tokens of one refresh token may live.
const simLive = 15

var errSimInvalid = &Error{Class: NeedsLogin, Op: "refresh", Code: "invalid_code", Reason: "the refresh token is dead"}

// fresh reports whether a rotating provider still takes g.
func (p *simProvider) fresh(g *simGrant) bool {
	switch {
	case g.spent.IsZero():
		return true
	case p.w.plan.rotation == RotationGrace && time.Since(g.spent) < p.w.plan.grace:
		p.w.stats.count("replays in their grace")
		return true
	case p.w.plan.rotation == RotationGrace: // it was sent in time: see asked
		p.kill(g.rt, "reuse")
		return false
	}
	p.w.violated("(i) the spent refresh token %s is presented again", g.rt)
	p.kill(g.rt, "reuse")
	return false
}

// throttle is Zoho's rule: ten in ten minutes, counted from the first of them or
// for the last ten.
func (p *simProvider) throttle(g *simGrant) error {
	const window, limit = 10 * time.Minute, 10
	now := time.Now()
	g.mints = slices.DeleteFunc(g.mints, func(t time.Time) bool { return now.Sub(t) >= window })
	n, until := len(g.mints), time.Time{}
	if n > 0 {
		until = g.mints[0].Add(window)
	}
	if !p.w.plan.sliding {
		if now.Sub(g.opened) >= window {
			g.opened, g.mints = now, nil
		}
		n, until = len(g.mints), g.opened.Add(window)
	}
	if n < limit {
		return nil
	}
	p.w.throttled(g)
	return &Error{Class: Throttled, Op: "refresh", Until: until, Reason: "too many requests"}
}

// kill ends a refresh token and its whole family, if it was rotated.
func (p *simProvider) kill(rt, who string) {
	root := p.root(rt)
	for _, g := range p.grants {
		if g.dead == "" && p.root(g.rt) == root {
			g.dead = who
		}
	}
}

func (p *simProvider) root(rt string) string {
	for g := p.grants[rt]; g != nil && g.parent != ""; g = p.grants[rt] {
		rt = g.parent
	}
	return rt
}

// revoke ends a login, or an access token alone, for a Keeper. twice says that its
// user's logins ran into each other, asked that Reap or Revoke wants it.
func (p *simProvider) revoke(t *Token, twice, asked bool) {
	marked := asked || p.w.store.isMarked(p.kin(t.RefreshToken.Reveal())...)
	p.mu.Lock()
	g := p.grants[t.RefreshToken.Reveal()]
	if g == nil {
		if a := p.access[t.AccessToken.Reveal()]; a != nil {
			a.dead = true
		}
		p.mu.Unlock()
		return
	}
	who := "keeper"
	switch {
	case p.logouts[g.user] > 0:
		who = "logout"
	case marked:
		who = "ended"
	case twice:
		who = "twice"
	}
	p.kill(g.rt, who)
	p.mu.Unlock()
	if held := p.w.store.holds(p.kin(g.rt)...); who == "keeper" && held != "" {
		p.w.violated("(b) the refresh token %s is revoked though a row holds %s and nobody logs out", g.rt, held)
	}
}

// kin returns all refresh tokens of rt's login.
func (p *simProvider) kin(rt string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, g := range p.grants {
		if p.root(g.rt) == p.root(rt) {
			all = append(all, g.rt)
		}
	}
	return all
}

// lateReplay reports whether a refresh token was used so long ago that it works no
// longer.
func (p *simProvider) lateReplay(rt string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[rt]
	return g != nil && !g.spent.IsZero() && (p.w.plan.rotation != RotationGrace || time.Since(g.spent) >= p.w.plan.grace)
}

// unspent reports whether a refresh token of old's login was never used.
func (p *simProvider) unspent(rt, old string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[rt]
	return g != nil && g.spent.IsZero() && p.root(rt) == p.root(old)
}

// withdraw is the user or an administrator who ends a login elsewhere.
func (p *simProvider) withdraw(rt string, access bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[rt]
	p.kill(rt, "withdrawn")
	for _, a := range p.access {
		if access && a.user == g.user {
			a.dead = true
		}
	}
}

// endedBy returns who ended the login, or "".
func (p *simProvider) endedBy(rt string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.grants[rt]; g != nil {
		return g.dead
	}
	return ""
}

// accepts reports whether the API takes an access token.
func (p *simProvider) accepts(token string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.access[token]
	return a != nil && !a.dead && time.Now().Before(a.expiry)
}

// userOf returns who a refresh or access token belongs to.
func (p *simProvider) userOf(token string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.grants[token]; g != nil {
		return g.user
	}
	if a := p.access[token]; a != nil {
		return a.user
	}
	return ""
}

// follows reports whether a refresh with old gave next.
func (p *simProvider) follows(old, next string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[next]
	return g != nil && g.parent == old && old != ""
}

func (p *simProvider) mintedBefore(a, b string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	x, y := p.access[a], p.access[b]
	return x != nil && y != nil && x.n < y.n
}

// countLogout tells that a user logs out (1) or has done so (-1).
func (p *simProvider) countLogout(user string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logouts[user] += n
}
