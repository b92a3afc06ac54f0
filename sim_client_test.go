package tokenkeep

import (
	"context"
	"time"
)

// A simProviderClient is the provider as one process reaches it.
type simProviderClient struct {
	p *simProvider
	l *simLife
}

func (simProviderClient) ClientID() string { return "1000.CLIENT" }

// Audience implements [Provider].
func (simProviderClient) Audience(*Token) (Audience, error) {
	return Audience{Scheme: "Zoho-oauthtoken", BaseURL: "https://www.zohoapis.eu", Hosts: []string{"www.zohoapis.eu"}}, nil
}

// Limits implements [Provider].
func (c simProviderClient) Limits() Limits {
	l := Limits{Rotation: c.p.w.plan.rotation, Mints: 10, Window: 10 * time.Minute}
	if l.Rotation == RotationGrace {
		l.Grace = c.p.w.plan.grace
	}
	if l.Rotation == RotationNone {
		l.Live, l.Life = simLive, c.p.w.plan.life
	}
	l.SingleAccess = c.p.w.plan.single
	return l
}

// Refresh implements [Provider].
func (c simProviderClient) Refresh(ctx context.Context, t *Token) (answer *Token, err error) {
	var m *simMint
	c.p.w.store.asked(c.l, t)
	err = c.call(ctx, "refresh "+t.ID, func() error {
		answer, err = c.p.refresh(t)
		if err == nil {
			m = c.p.w.store.minted(ctx, c.l, t)
			c.p.w.note(c.l.name, "mints %s for %s version %d with %s", answer.AccessToken.Reveal(), t.ID, t.Version, t.RefreshToken.Reveal())
		}
		return err
	})
	if m != nil {
		c.p.w.store.received(m, err == nil && ctx.Err() == nil)
	}
	return answered(answer, err)
}

// Exchange implements [Provider].
func (c simProviderClient) Exchange(ctx context.Context, g *Grant) (t *Token, err error) {
	err = c.call(ctx, "exchange", func() error {
		t, err = c.p.exchange(g)
		return err
	})
	return answered(t, err)
}

// exchange redeems a code.
func (p *simProvider) exchange(g *Grant) (*Token, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	grant := p.grants[p.codes[g.Code.Reveal()]]
	if grant == nil {
		return nil, errSimInvalid
	}
	delete(p.codes, g.Code.Reveal())
	t := &Token{
		ClientID: "1000.CLIENT", DataCentre: "eu", APIDomain: "https://www.zohoapis.eu",
		RefreshToken: NewSecret(grant.rt), Scopes: []string{"ZohoCRM.modules.ALL"},
	}
	t.AccessToken, t.Expiry = p.mint(grant)
	return t, nil
}

// Revoke implements [Provider].
func (c simProviderClient) Revoke(ctx context.Context, t *Token) error {
	e := simEndingOf(ctx)
	asked := e != nil && !e.dry && (e.query != nil || e.reap != nil)
	looked(ctx, &Token{ID: t.ID}) // what was seen before counts no more
	twice := c.p.w.loggingInTwice(t.RefreshToken.Reveal())
	return c.call(ctx, "revoke "+t.RefreshToken.Reveal(), func() error {
		c.p.revoke(t, twice, asked)
		c.p.w.note(c.l.name, "revokes %s", t.RefreshToken.Reveal())
		return nil
	})
}

// Identify implements [Identifier].
func (c simProviderClient) Identify(ctx context.Context, t *Token) (name string, err error) {
	err = c.call(ctx, "identify", func() error {
		if name = c.p.userOf(t.AccessToken.Reveal()); name == "" {
			return errSimRefused
		}
		return nil
	})
	return name, err
}

var (
	errSimRefused = &Error{Class: RetryLater, Op: "sim", Reason: "HTTP 503"}
	errSimCut     = &Error{Class: RetryLater, Op: "sim", Reason: "the answer is lost", Unknown: true}
	errSimConfig  = &Error{Class: Misconfigured, Op: "sim", Code: "invalid_client_secret", Reason: "wrong secret"}
)

// call lets what can happen happen to one call.
func (c simProviderClient) call(ctx context.Context, op string, do func() error) error {
	l := c.l
	if err := l.gate(); err != nil {
		return err
	}
	l.strike(ctx, op)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute) // as an HTTP client has
	defer cancel()
	h := l.fault(&l.w.plan.provider)
	if h.fault != simNone {
		l.w.note(l.name, "%s: the provider's fault %v", op, h.fault)
	}
	if err := c.reach(ctx, h); err != nil {
		l.w.cuts.Add(1)
		return err
	}
	err := do()
	if sleepFor(ctx, h.after) != nil || h.fault == simLost {
		err = errSimCut
	}
	if h.fault == simHang {
		<-ctx.Done()
		err = errSimCut
	}
	if err == errSimCut { //nolint:errorlint // it is this very error
		l.w.cuts.Add(1)
	}
	if gone := l.gate(); gone != nil {
		return gone
	}
	return err
}

// reach is the way to the provider. It returns an error if the call does not arrive.
func (c simProviderClient) reach(ctx context.Context, h simHit) error {
	if sleepFor(ctx, h.before) != nil {
		return errSimCut
	}
	switch {
	case h.fault == simRefused:
		return errSimRefused
	case h.fault == simMisconfigured:
		return errSimConfig
	case h.fault == simLost && !h.arrives:
		return errSimCut
	case h.fault == simHang && !h.arrives:
		<-ctx.Done()
		return errSimCut
	case h.sent:
		return nil
	}
	return c.l.gate()
}
