package storetest

import (
	"context"

	"github.com/tokenkeep/tokenkeep"
)

func contextChecks() []check {
	return []check{{name: "functional/context", level: Basic, run: checkContext}}
}

// checkContext: no operation begins when its context has ended, and none changes
// anything.
func checkContext(x *trial) {
	s := x.fresh()
	ann := x.save(s, full("ann"))
	ctx, cancel := context.WithCancel(x.ctx)
	cancel()
	_, err := s.FindToken(ctx, &tokenkeep.Token{UserName: "ann"})
	x.want(err, context.Canceled, "find with a cancelled context")
	_, err = s.FindTokenByID(ctx, ann.ID)
	x.want(err, context.Canceled, "find by id with a cancelled context")
	x.want(s.SaveToken(ctx, full("bob")), context.Canceled, "save with a cancelled context")
	next := ann.Clone()
	next.RedirectURL = "https://changed.example"
	x.want(s.SaveToken(ctx, next), context.Canceled, "save of a version with a cancelled context")
	x.want(s.DeleteToken(ctx, ann.ID), context.Canceled, "delete with a cancelled context")
	x.want(s.DeleteTokens(ctx), context.Canceled, "delete all with a cancelled context")
	_, err = collect(s.GetTokens(ctx))
	x.want(err, context.Canceled, "list with a cancelled context")
	if n := len(x.all(s)); n != 1 {
		x.errorf("%d rows after operations whose context was cancelled, want 1", n)
	}
	x.unchanged(s, ann, "after operations whose context was cancelled")
}
