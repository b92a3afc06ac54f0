package tokenkeep

import (
	"context"
	"slices"
	"strings"
	"time"
)

// A simRow is the history of one row.
type simRow struct {
	deleted bool
	written time.Time // last
	born    time.Time // the newest login that it had
	fixed   time.Time // when it was misconfigured last
	gens    []*simGen // by version
}

// A simGen is the time in which a row has one pair of tokens.
type simGen struct {
	mints     []*simMint // asked for in order to replace that pair
	takeovers int        // claims that another Keeper took over
}

type simMint struct {
	at, deadline time.Time // deadline: when nobody waits for the answer any more
	answered     bool
}

func (h *simRow) gen() *simGen { return h.gens[len(h.gens)-1] }

// written enters a save into the history, and checks whether it may be. The caller
// holds mu.
func (s *simStore) written(l *simLife, prev, next *Token, asked int64) {
	w := s.w
	h := s.history[next.ID]
	login := s.logins[next.RefreshToken.Reveal()] > 0
	if next.Claim.Held() {
		s.claimed(next.ID)
	}
	w.note(l.name, "writes %s version %d: refresh %s access %s state %q claim %q",
		next.ID, next.Version, next.RefreshToken.Reveal(), next.AccessToken.Reveal(), next.State.Class, keeperOf(next.Claim))
	if prev == nil {
		if h != nil || next.Version != 1 || !login {
			w.violated("(c) %s comes into being without a login, or for the second time", next.ID)
		}
		h = &simRow{}
		s.history[next.ID] = h
	} else {
		s.checkVersion(h, prev, next, asked)
		s.checkTokens(l, prev, next, login)
		s.checkClaim(l, h, prev, next)
	}
	s.checkUser(next)
	s.checkCandidates(next)
	h.enter(prev, next)
	if prev != nil && prev.State.Class == Misconfigured {
		h.fixed = time.Now()
	}
	h.born = latest(h.born, w.provider.bornAt(next.RefreshToken.Reveal()))
	s.given[[2]string{next.ID, next.AccessToken.Reveal()}] = true
}

// enter adds a version. A new pair of tokens begins a new generation.
func (h *simRow) enter(prev, next *Token) {
	same := prev != nil && prev.RefreshToken.Equal(next.RefreshToken) && prev.AccessToken.Equal(next.AccessToken)
	g := &simGen{}
	if same {
		g = h.gen()
	}
	h.gens = append(h.gens, g)
	h.written = time.Now()
}

// checkVersion is the linearizability of compare-and-swap: each save replaces the
// version that it names, which is the newest, by the next.
func (s *simStore) checkVersion(h *simRow, prev, next *Token, asked int64) {
	switch {
	case h == nil || h.deleted:
		s.w.violated("(c) %s was deleted and is written again", next.ID)
	case next.Version != prev.Version+1 || int64(len(h.gens)) != prev.Version:
		s.w.violated("(f) %s: version %d follows %d", next.ID, next.Version, prev.Version)
	case asked > 0 && asked != prev.Version:
		s.w.violated("(f) %s: a save of version %d replaced %d", next.ID, asked, prev.Version)
	}
}

// checkTokens: material changes by a login, by a success, and in the right order.
func (s *simStore) checkTokens(l *simLife, prev, next *Token, login bool) {
	w, p := s.w, s.w.provider
	was, is := prev.RefreshToken.Reveal(), next.RefreshToken.Reveal()
	if was != is && !login && !p.follows(was, is) && !(prev.holdsCandidate(is) && p.unspent(is, was)) && !s.shared(next) {
		w.violated("(d) the refresh token of %s becomes %q, was %q, without a login", next.ID, is, was)
	}
	if !prev.AccessToken.IsZero() && next.AccessToken.IsZero() || prev.APIDomain != "" && next.APIDomain == "" || len(prev.Scopes) > len(next.Scopes) {
		w.violated("(d) %s loses its access token, API domain or scopes", next.ID)
	}
	if prev.AccessToken.Equal(next.AccessToken) || login || s.shared(next) {
		return
	}
	if p.mintedBefore(next.AccessToken.Reveal(), prev.AccessToken.Reveal()) {
		w.violated("(l) the older access token %s replaces the newer %s in %s", next.AccessToken.Reveal(), prev.AccessToken.Reveal(), next.ID)
	}
	if holder := prev.Claim; was == is && holder.Held() && !l.owns(holder) {
		w.violated("(l) %s saves what it minted for %s though %s holds the claim", l.name, next.ID, holder.Owner)
	}
}

// holdsCandidate reports whether rt is one of t's candidates.
func (t *Token) holdsCandidate(rt string) bool {
	return slices.ContainsFunc(t.Candidates, NewSecret(rt).Equal)
}

// checkCandidates: they are unspent, few, and of the row's login.
func (s *simStore) checkCandidates(row *Token) {
	if len(row.Candidates) > maxCandidates {
		s.w.violated("(i) %s has %d candidates", row.ID, len(row.Candidates))
	}
	for _, c := range row.Candidates {
		s.w.stats.count("candidates")
		if !s.w.provider.unspent(c.Reveal(), row.RefreshToken.Reveal()) || c.Equal(row.RefreshToken) {
			s.w.violated("(i) the candidate %s of %s beside %s is spent, or of another login", c.Reveal(), row.ID, row.RefreshToken.Reveal())
		}
	}
}

// shared reports whether another row has row's refresh token: a login that moves
// to the row that has the user's name.
func (s *simStore) shared(row *Token) bool {
	for id, other := range s.rows.rows {
		if id != row.ID && other.RefreshToken.Equal(row.RefreshToken) {
			return true
		}
	}
	return false
}

// checkClaim: a claim is taken over only when its row stood still for its time, and
// only if something went wrong before.
func (s *simStore) checkClaim(l *simLife, h *simRow, prev, next *Token) {
	switch {
	case !prev.Claim.Held() || !next.Claim.Held():
		return
	case strings.Contains(next.Claim.Owner, endMark):
		h.gen().takeovers++ // what was minted under the claim is dropped
		return
	case strings.Contains(prev.Claim.Owner, endMark) && l.owns(prev.Claim):
		s.w.upset(l.name, "brings the claim back that its mark hid")
		return
	case keeperOf(prev.Claim) == keeperOf(next.Claim):
		return
	case isMark(prev):
		s.w.stats.count("claims over a mark")
	}
	h.gen().takeovers++
	s.w.stats.count("takeovers")
	if still := time.Since(h.written); still < s.w.plan.claim {
		s.w.violated("(e) the claim of %s is taken over after %v", next.ID, still)
	}
	if s.w.upsets.Load() == 0 {
		s.w.violated("(e) a claim of %s stands still though nothing went wrong", next.ID)
	}
}

// checkUser: the tokens of a row belong to one user, who is the one it is named after.
func (s *simStore) checkUser(row *Token) {
	user := s.w.provider.userOf(row.RefreshToken.Reveal())
	access := user
	if !row.AccessToken.IsZero() {
		access = s.w.provider.userOf(row.AccessToken.Reveal())
	}
	if user == "" || access != user || row.UserName != "" && row.UserName != user {
		s.w.violated("(h) row %s of %q has a refresh token of %q and an access token of %q", row.ID, row.UserName, user, access)
	}
}

// asked checks that a life that asks for row may: it holds the claim, or a login or
// the end of one came in between.
func (s *simStore) asked(l *simLife, row *Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w.provider.lateReplay(row.RefreshToken.Reveal()) {
		s.w.violated("(i) %s sends the spent refresh token %s of %s again", l.name, row.RefreshToken.Reveal(), row.ID)
	}
	now := s.now(row.ID)
	if l.dead.Load() || now == nil || !now.RefreshToken.Equal(row.RefreshToken) {
		return
	}
	if now.Claim.Held() && !l.owns(now.Claim) && !isMark(now) || !now.AccessToken.Equal(row.AccessToken) {
		s.w.violated("(e) %s asks for a token of %s, which is no longer its to refresh", l.name, row.ID)
	}
}

// minted notes that the provider minted for a row, and checks that nothing but a
// mishap makes it do so twice for one pair of tokens.
func (s *simStore) minted(ctx context.Context, l *simLife, row *Token) *simMint {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &simMint{at: time.Now()}
	m.deadline, _ = ctx.Deadline()
	h := s.history[row.ID]
	if h == nil || row.Version < 1 || row.Version > int64(len(h.gens)) {
		s.w.violated("(f) a token was asked for with version %d of %s, which was never written", row.Version, row.ID)
		return m
	}
	g := h.gens[row.Version-1]
	recent, lost := 1, 0
	for _, m := range g.mints {
		if time.Since(m.at) > s.w.plan.life/3 {
			continue // what could not be saved may be of no use by now
		}
		recent++
		if !m.answered && !time.Now().Before(m.deadline) {
			lost++
		}
	}
	g.mints = append(g.mints, m)
	if recent > 1+g.takeovers+lost {
		s.w.violated("(e) %s: mint %d for one expiry of %s, with %d takeovers and %d lost answers", l.name, recent, row.ID, g.takeovers, lost)
	}
	return m
}

// received notes whether the one who asked got the answer.
func (s *simStore) received(m *simMint, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.answered = ok
	if !ok {
		m.deadline = time.Now()
		s.w.stats.count("answers lost")
	}
}

// keeperOf returns the Keeper whose flight holds the claim.
func keeperOf(c Claim) string {
	if owner, _, ok := strings.Cut(c.Owner, endMark); ok {
		return owner
	}
	if i := strings.LastIndexByte(c.Owner, ':'); i >= 0 {
		return c.Owner[:i]
	}
	return c.Owner
}

// owns reports whether the claim is the life's.
func (l *simLife) owns(c Claim) bool { return keeperOf(c) == l.keeper.owner }
