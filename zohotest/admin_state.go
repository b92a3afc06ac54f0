package zohotest

import (
	"cmp"
	"slices"
	"time"
)

// adminState is the whole state with its secrets masked.
func (f *Fake) adminState() any {
	state := map[string]any{"data_centres": f.stateOfDCs()}
	f.mu.Lock()
	defer f.mu.Unlock()
	state["now"] = f.now()
	state["auto_approve"] = f.autoApprove
	state["limits"] = f.opts.Limits
	state["users"] = f.book.userList()
	state["clients"] = f.book.maskedClients()
	state["refresh_tokens"] = f.book.refreshStates(f.now())
	state["faults"] = f.faultStates()
	return state
}

func (f *Fake) stateOfDCs() map[string]any {
	m := make(map[string]any)
	for _, dc := range f.opts.DataCentres {
		m[dc] = map[string]string{"accounts": f.AccountsURL(dc), "api_domain": f.APIDomain(dc)}
	}
	return m
}

func (b *book) maskedClients() []Client {
	list := make([]Client, 0, len(b.clients))
	for _, id := range sortedKeys(b.clients) {
		c := b.clients[id]
		c.Secret = Mask(c.Secret)
		masked := make(map[string]string, len(c.SecretByDC))
		for dc, s := range c.SecretByDC {
			masked[dc] = Mask(s)
		}
		c.SecretByDC = masked
		list = append(list, c)
	}
	return list
}

// refreshState shows one refresh token.
type refreshState struct {
	Token       string        `json:"token"` // masked
	Fingerprint string        `json:"fingerprint"`
	Client      string        `json:"client"`
	Email       string        `json:"email"`
	DC          string        `json:"dc"`
	Env         string        `json:"env,omitempty"`
	Scopes      []string      `json:"scopes"`
	Created     time.Time     `json:"created"`
	Alive       bool          `json:"alive"`
	Why         string        `json:"why,omitempty"`
	Live        int           `json:"live_access_tokens"`
	Counters    TokenCounters `json:"counters"`
	serial      int
}

func (b *book) refreshStates(now time.Time) []refreshState {
	list := make([]refreshState, 0, len(b.refresh))
	for _, r := range b.refresh {
		list = append(list, refreshState{
			Token: Mask(r.token), Fingerprint: Fingerprint(r.token), Client: r.client, Email: r.email,
			DC: r.dc, Env: r.env, Scopes: r.scopes, Created: r.created, Alive: r.dead == "", Why: r.dead,
			Live: r.countLive(now), Counters: r.counts, serial: r.serial,
		})
	}
	slices.SortFunc(list, func(x, y refreshState) int { return cmp.Compare(x.serial, y.serial) })
	return list
}

func (r *refreshToken) countLive(now time.Time) int {
	n := 0
	for _, a := range r.live {
		if a.goodAt(now) {
			n++
		}
	}
	return n
}

func (f *Fake) faultStates() []Fault {
	list := make([]Fault, 0, len(f.faults))
	for _, a := range f.faults {
		ft := a.Fault
		ft.Token = Mask(ft.Token)
		list = append(list, ft)
	}
	return list
}

// adminCounters is the counters, by fingerprint.
func (f *Fake) adminCounters() any {
	c := f.Counters()
	return struct {
		Counters
		By map[string]TokenCounters `json:"by_refresh_token"`
	}{c, c.byFingerprint()}
}
