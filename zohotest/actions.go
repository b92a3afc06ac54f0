package zohotest

import "time"

// RevokeRefreshToken revokes a refresh token and its access tokens, as the user
// or an administrator would.
func (f *Fake) RevokeRefreshToken(token string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.book.refresh[token]
	if r == nil || r.dead != "" {
		return false
	}
	r.killFamily("revoked")
	return true
}

// RemoveApp removes an application from the user's Connected Apps: its tokens
// die (Zoho Accounts FAQ) and the next consent is a first one.
func (f *Fake) RemoveApp(clientID, email string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := userKey(email)
	delete(f.book.consented, [2]string{clientID, key})
	f.book.killAll("application removed", func(h holder) bool {
		return h.client == clientID && h.email == key
	})
}

// ChangePassword changes a user's password. Only "Terminate all API tokens" ends
// the tokens (Zoho Accounts FAQ).
func (f *Fake) ChangePassword(email string, terminate bool) {
	if !terminate {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := userKey(email)
	f.book.killAll("password changed", func(h holder) bool { return h.email == key })
}

// DeleteClient deletes a client in the API console; its tokens die.
func (f *Fake) DeleteClient(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.book.clients, id)
	f.book.killAll("client deleted", func(h holder) bool { return h.client == id })
}

// EvictAccessToken kills one access token before its time, as happens when too
// many are alive. It does not count as an eviction.
func (f *Fake) EvictAccessToken(token string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.book.access[token]
	if a == nil || a.dead != "" {
		return false
	}
	a.dead = "evicted"
	return true
}

// LiveAccessTokens says how many access tokens of a refresh token work now; at a
// profile that rotates, those of its whole login.
func (f *Fake) LiveAccessTokens(refresh string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.book.refresh[refresh]
	if r == nil {
		return 0
	}
	n := 0
	for _, m := range r.kin() {
		n += m.countLive(f.now())
	}
	return n
}

// RefreshTokenAlive says whether a refresh token works, and if not, why.
func (f *Fake) RefreshTokenAlive(token string) (alive bool, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.book.refresh[token]
	if r == nil {
		return false, "unknown"
	}
	if r.dead == "" && !r.spent.IsZero() && !f.inGrace(r) {
		return false, "spent"
	}
	return r.dead == "", r.dead
}

// AccessTokenAlive says whether an access token works at the fake's time, and
// if not, why.
func (f *Fake) AccessTokenAlive(token string) (alive bool, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.book.access[token]
	if a == nil {
		return false, "unknown"
	}
	return a.goodAt(f.now()), a.deadReason(f.now())
}

func (a *accessToken) deadReason(now time.Time) string {
	if a.dead == "" && !now.Before(a.expires) {
		return "expired"
	}
	return a.dead
}
