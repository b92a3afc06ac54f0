package demo

import (
	"context"
	"fmt"
)

// playSum looks at the fake's counters of the whole run.
func playSum(_ context.Context, st *stage) error {
	c := st.fake.Counters()
	st.claim(fmt.Sprintf("2 users logged in once: %d codes were exchanged, and none was presented twice.", c.Exchanges),
		is("codes_exchanged", c.Exchanges, 2), is("codes_presented_twice", c.CodesRepresented, 0))
	st.claim(fmt.Sprintf("No live token was pushed out (%d), no dead one asked for again (%d), at most %d refresh ran at a time.", c.Evictions, c.DeadRepresented, c.MaxConcurrentRefreshes),
		is("evictions", c.Evictions, 0), is("dead_tokens_presented", c.DeadRepresented, 0), is("refreshes_at_a_time", c.MaxConcurrentRefreshes, 1))
	st.killAll()
	refused := st.way.refused.Load() + st.elsewhere
	st.claim(fmt.Sprintf("All of it happened on this machine: %d connections to another one were asked for.", refused), is("connections_elsewhere", refused, 0))
	return nil
}

const next = `
With a client id of your own:
  1. Make a "Server-based Application" at https://api-console.zoho.com
     with the redirect URI %[1]s
     and switch on the data centres of your users under "Settings" (Multi-DC).
  2. export ZOHO_CLIENT_ID=1000.YOURS ZOHO_CLIENT_SECRET_FILE=secret.txt
  3. tokenkeep login                          # opens the browser; once per user
  4. tokenkeep api GET '/crm/v8/Leads?fields=Last_Name'
     tokenkeep status                         # what is kept, and how it is
In a Go program: keeper.Session(ctx, user), then session.Client(). See README.md.
`

// ending says how it went and what comes next.
func (st *stage) ending(kept bool) {
	r := &st.report
	if r.OK {
		st.printf("\n%s All %d checks passed in %.1f s.", st.good("✓"), r.Checks, r.Seconds)
	} else {
		st.printf("\n%s %d of %d checks failed, in %.1f s.", st.bad("✗"), len(r.Failures), r.Checks, r.Seconds)
	}
	if kept {
		st.printf("The folder is kept: %s\nLook at it with: tokenkeep tokens list --store sqlite:%s", st.dir, st.setup.Store)
	}
	if r.OK {
		st.printf(next[:len(next)-1], redirectURL)
	}
}
