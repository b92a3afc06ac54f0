package demo

import (
	"context"
	"fmt"
	"strings"
)

// playRestart ends everything that knows a token, and begins again from the file.
func playRestart(ctx context.Context, st *stage) error {
	st.killAll()
	if err := st.shut(); err != nil {
		return err
	}
	before := st.fake.Counters()
	if err := st.open(ctx); err != nil {
		return err
	}
	logins := 0
	for _, err := range st.store.GetTokens(ctx) {
		if err != nil {
			return err
		}
		logins++
	}
	st.claim(fmt.Sprintf("All processes ended, the store was closed and opened again: %d logins are there.", logins), is("logins_in_store", logins, 2))
	var seen []string
	for _, u := range []*user{st.ann, st.bo} {
		var err error
		if u.session, err = st.keeper.Session(ctx, u.name); err != nil {
			return err
		}
		leads, err := listLeads(ctx, u.session)
		if err != nil {
			return err
		}
		seen = append(seen, leads...)
	}
	used, list := st.since(before), strings.Join(seen, " and ")
	st.claim(fmt.Sprintf("Both users call CRM again and see %s: %d logins, %d token requests.", list, used.Exchanges, used.TokenRequests),
		is("seen", list, "Americano and Breve"), is("logins", used.Exchanges, 0), is("token_requests", used.TokenRequests, 0))
	return nil
}
