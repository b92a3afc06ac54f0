package tokenkeep

import "context"

// giveBack clears the claim of a flight that ends without having asked, because the
// store was too slow, say: nobody has to wait until it stands still, its mint does
// not count, and a strict rotator's login is not in doubt. If that fails too, others
// find out for themselves.
func (f *flight) giveBack(ctx context.Context) {
	if !f.unasked {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*f.keeper.opts.ClaimTime)
	defer cancel()
	row, err := f.keeper.store.FindTokenByID(ctx, f.st.id)
	if err != nil || row.Claim.Owner != f.owner {
		return
	}
	row.Claim = Claim{}
	row.Mints = row.Mints[:max(len(row.Mints)-1, 0)]
	if err := f.keeper.store.SaveToken(ctx, row); err != nil {
		f.keeper.opts.Logger.DebugContext(ctx, "tokenkeep: a claim was not given back; it is taken over when it stands still", "token", row.ID, "error", err)
	}
}
