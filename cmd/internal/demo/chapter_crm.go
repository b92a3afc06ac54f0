package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// playCRM lets each user create a lead and list leads, and shows that a token
// does not leave its data centre.
func playCRM(ctx context.Context, st *stage) error {
	for _, who := range []struct {
		*user
		key, lead string
	}{{st.ann, "ann", "Americano"}, {st.bo, "bo", "Breve"}} {
		if err := createLead(ctx, who.session, who.lead); err != nil {
			return err
		}
		seen, err := listLeads(ctx, who.session)
		if err != nil {
			return err
		}
		list := strings.Join(seen, ", ")
		st.claim(fmt.Sprintf("%s created a lead and sees %s.", who.email, list), is(who.key+"_sees", list, who.lead))
	}
	st.claimAtHome(ctx)
	return nil
}

// claimAtHome asks for ann's leads at the data centre of bo.
func (st *stage) claimAtHome(ctx context.Context) {
	before := st.fake.Counters()
	_, err := send(ctx, st.ann.session, http.MethodGet, st.fake.APIDomain("eu")+leadsPath+"?fields=Last_Name", nil)
	arrived := st.since(before).APIRequests
	st.claim(fmt.Sprintf("ann's token for a call to the eu server: refused before it was sent; %d requests arrived.", arrived),
		is("foreign_call_refused", errors.Is(err, tokenkeep.ErrMisconfigured), true), is("foreign_requests", arrived, 0))
}
