package zohotest

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrCodesThrottled says that a client asked for too many codes; on the wire it
// is error=access_denied.
var ErrCodesThrottled = errors.New("too many codes for this client: access_denied")

// AddClient registers or replaces a client, and gives it back with its defaults
// filled in.
func (f *Fake) AddClient(c Client) Client {
	if c.ID == "" {
		c.ID = "1000." + upperHex(15)
	}
	if c.Secret == "" {
		c.Secret = randomHex(21)
	}
	if c.Name == "" {
		c.Name = "Test application"
	}
	if c.DC == "" {
		c.DC = "us"
	}
	if c.Self {
		c.Type = ClientSelf
	}
	c.Self = c.Type == ClientSelf
	f.mu.Lock()
	defer f.mu.Unlock()
	f.book.clients[c.ID] = c
	return c
}

// AddUser adds or replaces a user, and gives it back with its defaults filled in.
func (f *Fake) AddUser(u User) User {
	if u.DC == "" {
		u.DC = "us"
	}
	if u.ZGID == "" {
		u.ZGID = "600" + dcNumber(u.DC)
	}
	if u.Last == "" {
		u.Last = "Doe"
	}
	if u.OrgName == "" {
		u.OrgName = "Example Ltd"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.numberUser(&u)
	f.book.users[userKey(u.Email)] = u
	return u
}

func (f *Fake) numberUser(u *User) {
	f.book.serial++
	if u.ZUID == "" {
		u.ZUID = fmt.Sprintf("%d", 700_000_000+f.book.serial)
	}
	if u.ID == "" {
		u.ID = fmt.Sprintf("%019d", 4_150_868_000_001_000_000+f.book.serial)
	}
}

// GrantCode gives a code as the consent page would. The error is
// [ErrCodesThrottled], or says which client or user is unknown.
func (f *Fake) GrantCode(clientID, email string, opt GrantOptions) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cl, u, err := f.book.lookup(clientID, email)
	if err != nil {
		return "", fmt.Errorf("grant code: %w", err)
	}
	if opt.RedirectURI == "" && len(cl.RedirectURIs) > 0 {
		opt.RedirectURI = cl.RedirectURIs[0]
	}
	code, err := f.book.issueCode(cl, u, opt, f.now())
	if err != nil {
		f.tally.CodeThrottles++
		return "", fmt.Errorf("grant code: %w", err)
	}
	return code.code, nil
}

// SelfClientCode gives a code as the API console does for a self client. It
// panics when the client or the user is unknown. Nil scopes mean [DefaultScopes].
func (f *Fake) SelfClientCode(clientID, email string, scopes []string) string {
	code, err := f.selfCode(clientID, email, scopes)
	if err != nil {
		panic("zohotest: " + err.Error())
	}
	return code
}

func (f *Fake) selfCode(clientID, email string, scopes []string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cl, u, err := f.book.lookup(clientID, email)
	if err != nil {
		return "", fmt.Errorf("self client code: %w", err)
	}
	code := f.book.newCode(cl, u, GrantOptions{Scopes: scopes}, f.now())
	code.self, code.wantsRefresh = true, true
	code.expires = f.now().Add(f.opts.Limits.SelfCodeLife)
	return code.code, nil
}

// Issue is a complete offline login that counts nowhere, except among the live
// tokens. It panics when the client or the user is unknown. No scopes mean
// [DefaultScopes].
func (f *Fake) Issue(clientID, email string, scopes ...string) Issued {
	i, err := f.issue(clientID, email, Production, scopes)
	if err != nil {
		panic("zohotest: " + err.Error())
	}
	return i
}

// IssueIn is [Fake.Issue] for an environment.
func (f *Fake) IssueIn(env, clientID, email string, scopes ...string) Issued {
	i, err := f.issue(clientID, email, env, scopes)
	if err != nil {
		panic("zohotest: " + err.Error())
	}
	return i
}

func (f *Fake) issue(clientID, email, env string, scopes []string) (Issued, error) {
	g, err := f.issueTokens(clientID, email, env, scopes)
	if err != nil {
		return Issued{}, fmt.Errorf("issue: %w", err)
	}
	return Issued{
		RefreshToken: g.refresh, AccessToken: g.access, ExpiresAt: g.expires,
		APIDomain: f.answeredDomain(g.holder), AccountsURL: f.AccountsURL(g.dc), Scopes: g.scopes,
	}, nil
}

func (f *Fake) issueTokens(clientID, email, env string, scopes []string) (minted, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cl, u, err := f.book.lookup(clientID, email)
	if err != nil {
		return minted{}, err
	}
	h := holderOf(cl, u, GrantOptions{Scopes: scopes, Env: env})
	f.book.consented[[2]string{cl.ID, h.email}] = true
	r, _ := f.book.mintRefresh(h, f.now())
	a, _ := f.book.mintAccess(h, r, f.now())
	return minted{holder: h, access: a.token, refresh: r.token, expires: a.expires}, nil
}

func (b *book) lookup(clientID, email string) (Client, User, error) {
	cl, ok := b.clients[clientID]
	if !ok {
		return Client{}, User{}, fmt.Errorf("unknown client %q", clientID)
	}
	u, ok := b.users[userKey(email)]
	if !ok {
		return Client{}, User{}, fmt.Errorf("unknown user %q", email)
	}
	return cl, u, nil
}

func holderOf(cl Client, u User, opt GrantOptions) holder {
	scopes := opt.Scopes
	if len(scopes) == 0 {
		scopes = DefaultScopes()
	}
	return holder{
		client: cl.ID, email: userKey(u.Email), dc: u.DC, env: opt.Env, scopes: slices.Clone(scopes),
	}
}

// issueCode is the end of the consent page: it counts the code and decides
// whether the exchange will give a refresh token. Zoho gives one for offline
// access, and only at the first consent unless prompt=consent (Zoho Accounts
// docs, Access token).
func (b *book) issueCode(cl Client, u User, opt GrantOptions, now time.Time) (*grantCode, error) {
	if !b.takeCodeSlot(cl.ID, now) {
		return nil, ErrCodesThrottled
	}
	code := b.newCode(cl, u, opt, now)
	key := [2]string{cl.ID, code.email}
	code.wantsRefresh = opt.Offline && (opt.PromptConsent || !b.consented[key]) || b.opts.Profile != nil
	if opt.Offline {
		b.consented[key] = true
	}
	return code, nil
}

func (b *book) newCode(cl Client, u User, opt GrantOptions, now time.Time) *grantCode {
	c := &grantCode{
		holder: holderOf(cl, u, opt), code: newToken(), redirect: opt.RedirectURI,
		challenge: opt.CodeChallenge, method: opt.CodeChallengeMethod,
		expires: now.Add(b.opts.Limits.CodeLife),
	}
	b.codes[c.code] = c
	return c
}
