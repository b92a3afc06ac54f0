package storetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// takeOver is the time within which a refresh of a dead process is made by
// another one.
const takeOver = 10 * time.Second

// need is for how long the callers of a step's row want their token to be good.
const need = 2 * time.Minute

// inFlight stands for the moment between steps 6 and 7, when the request was
// sent and not answered.
const inFlight = 0

// playStep refreshes a row and waits at one step of the transaction until it is
// told to go on, or killed.
func playStep(ctx context.Context, p *player) error {
	s, err := p.store(ctx)
	if err != nil {
		return err
	}
	hook := at(p.task.Step, func() {
		p.say("at %d", p.task.Step)
		<-p.commands
	})
	k := tokenkeep.New(s, newProvider(p.task.URL), &tokenkeep.Options{OnStep: hook, ClaimTime: p.task.Claim})
	session, err := k.SessionByID(ctx, p.task.ID)
	if err != nil {
		return err
	}
	t, err := session.TokenFor(ctx, p.task.Need)
	if err != nil {
		return err
	}
	if err := k.Close(); err != nil {
		return err
	}
	p.say("token %s", t.Reveal())
	return nil
}

// A holder is a process that came to one step of a refresh.
type holder struct {
	*child
	step  int
	login *tokenkeep.Token
	what  string
}

// holders starts a process for each step, each on a row of its own, and waits
// until each has come to its step. Every other row's access token is still valid.
func (x *trial) holders(s tokenkeep.TokenStore, dsn string, ts *tokenServer, steps []int, verb string) []*holder {
	hs := make([]*holder, len(steps))
	arrived := make([]<-chan struct{}, len(steps))
	for i, step := range steps {
		left := -time.Minute
		if i%2 == 1 {
			left = time.Minute
		}
		login := x.stepLogin(s, step, left)
		if step == inFlight {
			arrived[i] = ts.hold(login.RefreshToken)
		}
		c := x.spawn(task{
			Role: "step", DSN: dsn, ID: login.ID, URL: ts.URL, Step: step, Need: need, Claim: x.size.claim,
		})
		hs[i] = &holder{child: c, step: step, login: login, what: fmt.Sprintf("%s at step %d", verb, step)}
		if step == inFlight {
			hs[i].what = verb + " while the request was in flight"
		}
		c.tell("go")
	}
	for i, h := range hs {
		h.arrive(x, arrived[i])
	}
	return hs
}

// stepLogin saves the login of a step. Only a nameless one comes to step 12.
func (x *trial) stepLogin(s tokenkeep.TokenStore, step int, left time.Duration) *tokenkeep.Token {
	login := x.expiring(s, fmt.Sprintf("step%d", step), left)
	if step == 12 {
		login.UserName = ""
		x.save(s, login)
	}
	return login
}

// arrive waits until the holder has come to its step.
func (h *holder) arrive(x *trial, requested <-chan struct{}) {
	if requested != nil {
		select {
		case <-requested:
		case <-x.ctx.Done():
			x.fatalf("%s: no request was made", h.what)
		}
		return
	}
	if line := h.hear(x.ctx); line != fmt.Sprintf("at %d", h.step) {
		x.fatalf("%s: the process did not come there: %s", h.what, h.why(line))
	}
}

// checkKilledAtSteps: a process that is killed at any step of a refresh costs no
// login and at most one more request. Whoever has a valid token is not blocked
// meanwhile, and another process takes over in time.
func checkKilledAtSteps(x *trial) {
	dsn, ts := x.dsn(), x.server()
	s, _ := x.open(dsn)
	hs := x.holders(s, dsn, ts, []int{2, 3, 4, 5, 6, inFlight, 7, 8, 10, 11, 12}, "killed")
	for _, h := range hs {
		_ = h.cmd.Process.Kill()
		<-h.ended
	}
	k := x.keep(s, ts, tokenkeep.Options{ClaimTime: x.size.claim})
	crowd(len(hs), func(i int) {
		if err := hs[i].takenOver(x, s, k, ts); err != nil {
			x.errorf("%s: %v", hs[i].what, err)
		}
	})
}

// takenOver calls for the row of a dead holder as other processes would.
func (h *holder) takenOver(x *trial, s tokenkeep.TokenStore, k *tokenkeep.Keeper, ts *tokenServer) error {
	ctx, cancel := context.WithTimeout(x.ctx, takeOver)
	defer cancel()
	session, err := k.SessionByID(ctx, h.login.ID)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if err := h.notBlocked(ctx, session); err != nil {
		return err
	}
	t, err := session.TokenFor(ctx, need)
	if err != nil {
		return fmt.Errorf("the next call for a fresh token: %w", err)
	}
	if n := len(ts.minted(h.login.RefreshToken)); n != h.requests() {
		return fmt.Errorf("%d token requests, want %d", n, h.requests())
	}
	row, err := s.FindTokenByID(ctx, h.login.ID)
	switch {
	case err != nil:
		return fmt.Errorf("find by id: %w", err)
	case !row.AccessToken.Equal(t.Secret()):
		return fmt.Errorf("the caller got an access token that is not the stored one")
	case !row.RefreshToken.Equal(h.login.RefreshToken):
		return fmt.Errorf("the refresh token changed")
	case row.Claim.Held():
		return fmt.Errorf("the dead process's claim is still there")
	}
	return nil
}

// notBlocked asks for the token that is still valid, which must be there long
// before the dead process's claim is over.
func (h *holder) notBlocked(ctx context.Context, session *tokenkeep.Session) error {
	if time.Until(h.login.Expiry) < 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := session.Token(ctx); err != nil {
		return fmt.Errorf("a caller whose token is valid: %w", err)
	}
	return nil
}

// requests is how many requests a refresh takes whose first process died at the
// step: one more when the answer of the first was lost.
func (h *holder) requests() int {
	if h.step == inFlight || h.step == 7 || h.step == 8 {
		return 2
	}
	return 1
}

// checkStopped: a process that is stopped for longer than its claim, while
// another one takes over, overwrites nothing when it goes on, and hands out what
// the other one saved.
func checkStopped(x *trial) {
	dsn, ts := x.dsn(), x.server()
	s, _ := x.open(dsn)
	hs := x.holders(s, dsn, ts, []int{3, 5, 6, 7, 8}, "stopped")
	time.Sleep(50 * time.Millisecond) // the stop is meant for a process at its step, not amid what the store does behind it
	for _, h := range hs {
		x.must(h.stop(), "stop a process")
	}
	k := x.keep(s, ts, tokenkeep.Options{ClaimTime: x.size.claim})
	rows := make([]*tokenkeep.Token, len(hs))
	crowd(len(hs), func(i int) { rows[i] = hs[i].overtake(x, s, k) })
	for i, h := range hs {
		x.must(h.goOn(), "let a stopped process go on")
		if rows[i] == nil {
			continue
		}
		h.tell("go on")
		said := strings.Join(x.finish(h.child), " ")
		if said != "token "+rows[i].AccessToken.Reveal() {
			x.errorf("%s: the process handed out another token than the stored one", h.what)
		}
		x.unchanged(s, rows[i], h.what+": the row after it went on")
		want := 1
		if h.step >= 7 {
			want = 2 // it had its answer when it was stopped
		}
		x.requests(ts, h.login, want, h.what)
	}
}

// overtake refreshes the row of a stopped holder and returns what it then is.
func (h *holder) overtake(x *trial, s tokenkeep.TokenStore, k *tokenkeep.Keeper) *tokenkeep.Token {
	session, err := k.SessionByID(x.ctx, h.login.ID)
	if err != nil {
		x.errorf("%s: session: %v", h.what, err)
		return nil
	}
	t, err := session.TokenFor(x.ctx, need)
	if err != nil {
		x.errorf("%s: the call of another process: %v", h.what, err)
		return nil
	}
	row, err := s.FindTokenByID(x.ctx, h.login.ID)
	if err != nil || !row.AccessToken.Equal(t.Secret()) {
		x.errorf("%s: the other process's token is not the stored one (error %v)", h.what, err)
		return nil
	}
	return row
}
