package cli

import (
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

// showDryRun tells what a rotation to target would do.
func (r *rotation) showDryRun(target string) error {
	v, out := &r.view, r.app.IO
	v.Key = target
	v.Sealed = v.Rows - r.rows.Rows[target]
	for id, n := range r.recs {
		if id != target {
			v.Records += n
		}
	}
	for _, id := range r.keys.IDs() {
		switch {
		case id == target:
		case r.opt.keepOld || !r.writable():
			r.keep(id, "it would be kept")
		default:
			v.Retired = append(v.Retired, id)
		}
	}
	if r.app.cfg.JSON {
		return out.JSON(v)
	}
	key := "a new key"
	if target != "" {
		key = "the key " + target
	}
	out.Note("dry run: nothing was changed")
	out.Note("rows: %s; records of the rescue journal: %d", r.rows, sum(r.recs))
	out.Note("%d rows and %d records would be sealed with %s", v.Sealed, v.Records, key)
	for _, id := range v.Retired {
		out.Note("the key %s would be removed afterwards", id)
	}
	return nil
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// show reports what was done.
func (r *rotation) show() error {
	v := &r.view
	if r.app.cfg.JSON {
		return r.app.IO.JSON(v)
	}
	for _, k := range v.Kept {
		r.app.IO.Note("the key %s stays: %s", k.Key, ui.Plain(k.Why))
	}
	for _, id := range v.Retired {
		r.app.IO.Note("the key %s was removed", id)
	}
	say := r.app.IO.Done
	if v.Failed > 0 {
		say = r.app.IO.Warn
	}
	say("%d of %d rows were sealed anew with the key %s, and %d records of the rescue journal; %d rows failed", v.Sealed, v.Rows, v.Key, v.Records, v.Failed)
	return nil
}

// verdict turns what failed into the error that the exit code comes from.
func (r *rotation) verdict(failed []error) error {
	var errs []error
	for _, err := range failed {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	n := max(len(errs), r.view.Failed)
	err := &partialError{total: max(n, r.view.Rows), errs: errs, rows: n}
	return withHint(err, "%s; then run it again", hintFor(r.app.hintSeal(errs[0])))
}
