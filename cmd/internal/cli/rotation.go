package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// A rotation is one run of rotate-key or seal.
type rotation struct {
	app   *App
	place stores.Location
	opt   rotateOptions
	keys  *sealedstore.Keyring
	store *sealedstore.Store
	rows  *sealView      // at the beginning
	recs  map[string]int // records of the journals by key, at the beginning
	meter *ui.Meter
	view  rotationView
}

// A rotationView is the outcome as JSON.
type rotationView struct {
	Schema string `json:"schema"`
	DryRun bool   `json:"dry_run"`
	// Resumed: an earlier rotation to Key was not finished; no new key was made.
	Resumed bool `json:"resumed"`
	// Key is the id of the key that seals; empty in a dry run that would make one.
	Key     string `json:"key"`
	Rows    int    `json:"rows"`
	Sealed  int    `json:"sealed"`
	Failed  int    `json:"failed"`
	Records int    `json:"journal_records_sealed"`
	// Retired are the keys that were removed, Kept those that stay.
	Retired []string  `json:"retired"`
	Kept    []keptKey `json:"kept"`
}

type keptKey struct {
	Key string `json:"key"`
	Why string `json:"why"`
}

// newRotation opens the store and looks at what is there.
func (a *App) newRotation(ctx context.Context, o rotateOptions) (*rotation, error) {
	keys, err := a.keyring(ctx)
	if err != nil {
		return nil, err
	}
	if keys == nil {
		return nil, withHint(usagef("no key is configured: the store is not sealed"), "tokenkeep store new-key FILE, then set TOKENKEEP_KEY_FILE, or key_file in the configuration file")
	}
	l, err := a.place()
	if err != nil {
		return nil, err
	}
	inner, err := a.openSource(ctx, l, !o.dryRun)
	if err != nil {
		return nil, err
	}
	r := &rotation{app: a, opt: o, keys: keys, place: l}
	r.view = rotationView{Schema: o.schema, DryRun: o.dryRun, Retired: []string{}, Kept: []keptKey{}}
	if folder := a.journal(); folder != "" {
		r.opt.journals = append(slices.Clone(o.journals), folder)
	}
	if r.recs, err = journalKeys(r.opt.journals); err != nil {
		return nil, err
	}
	return r, r.look(ctx, bare(inner))
}

// look counts the rows by key, and makes the store that shows how far it is.
func (r *rotation) look(ctx context.Context, inner tokenkeep.TokenStore) (err error) {
	opt := sealedstore.Options{
		RequireSealed: r.app.cfg.RequireSealed, Logger: r.app.log, Archive: !r.opt.forget,
		AlsoInUse: func(context.Context) (map[string]int, error) { return journalKeys(r.opt.journals) },
		Progress:  func(rows int) { r.meter.Set(rows) },
	}
	if r.store, err = sealedstore.New(inner, r.keys, &opt); err != nil {
		return err
	}
	defer r.app.IO.Progress("counting")()
	r.rows, err = r.app.sealing(ctx, r.store)
	if r.rows == nil { // else the rotation tells which row cannot be read
		return storeError("count", err)
	}
	for _, n := range r.rows.Rows {
		r.view.Rows += n
	}
	r.view.Rows += r.rows.Clear
	return nil
}

// target decides which key is to seal: "" is a new one.
func (r *rotation) target() (id string, err error) {
	primary := r.keys.Primary()
	switch {
	case r.opt.to != "":
		return r.opt.to, nil
	case r.opt.sealOnly:
		return primary, nil
	case r.unfinished(primary):
		r.view.Resumed = true
		return primary, nil
	case r.writable():
		return "", nil
	case r.rows.Clear+r.recs[""] > 0:
		return primary, nil
	}
	return "", withHint(&unusableStoreError{fmt.Errorf("rotate: %s cannot be changed from here, and its first key seals everything already", r.app.cfg.KeySource())},
		"put a new key first in it, keep the old one behind it, and run this again; tokenkeep store new-key FILE makes one")
}

func (r *rotation) writable() bool {
	_, ok := r.app.cfg.KeySource().(sealedstore.Updater)
	return ok
}

// unfinished reports whether an older key of the ring still seals something.
func (r *rotation) unfinished(primary string) bool {
	return slices.ContainsFunc(r.keys.IDs(), func(id string) bool {
		return id != primary && r.rows.Rows[id]+r.recs[id] > 0
	})
}

// run seals everything with the key, removes the others, and reports.
func (r *rotation) run(ctx context.Context, target string) error {
	r.meter = r.app.IO.Meter("sealing", r.view.Rows)
	defer r.meter.Stop()
	sum, err := r.store.Rotate(ctx, target)
	if sum != nil {
		r.view.Key, r.view.Sealed, r.view.Failed = sum.Primary, sum.Sealed, sum.Failed
	}
	if err != nil && (r.view.Failed == 0 || ctx.Err() != nil) {
		return withHint(storeError("rotate", err), "run it again: what was sealed stays sealed, and it goes on where it was")
	}
	failed := []error{err, r.sealJournals(ctx), r.clean(ctx)}
	if !r.opt.keepOld {
		failed = append(failed, r.retire(ctx)...)
	}
	r.meter.Stop()
	return errors.Join(r.show(), r.verdict(failed))
}

// sealJournals seals the records of the rescue journals with the key.
func (r *rotation) sealJournals(ctx context.Context) error {
	var errs []error
	for _, folder := range r.opt.journals {
		k := tokenkeep.New(nil, nil, &tokenkeep.Options{Journal: folder, Logger: r.app.log, Sealer: r.keys})
		n, err := k.SealJournal(ctx)
		r.view.Records += n
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// retireTries is how often a key is tried to be removed while records of the rescue
// journal appear that a program has just sealed with it.
const retireTries = 3

// retire removes the older keys of which nothing is needed.
func (r *rotation) retire(ctx context.Context) (failed []error) {
	for _, id := range r.keys.IDs()[1:] {
		if !r.writable() {
			r.keep(id, "take it out of "+r.app.cfg.KeySource().String()+", if tokenkeep store check counts no row with it")
			continue
		}
		err := r.store.Retire(ctx, id)
		for try := 1; try < retireTries && errors.Is(err, sealedstore.ErrKeyInUse); try++ {
			_ = r.sealJournals(ctx) // Retire says why it did not help
			err = r.store.Retire(ctx, id)
		}
		if err != nil {
			r.keep(id, message(err))
			failed = append(failed, err)
			continue
		}
		r.view.Retired = append(r.view.Retired, id)
	}
	return failed
}

func (r *rotation) keep(id, why string) { r.view.Kept = append(r.view.Kept, keptKey{id, why}) }

// clean removes from the store's file what was in clear, for good. Programs that use it
// may keep that from succeeding.
func (r *rotation) clean(ctx context.Context) error {
	if !r.opt.sealOnly && r.rows.Clear == 0 {
		return nil
	}
	defer r.app.IO.Progress("cleaning up " + r.place.String())()
	if err := stores.Scrub(ctx, r.place); err != nil {
		return withHint(err, "what was in clear may still be in the file or its log: run tokenkeep store seal when no other program uses the store")
	}
	return nil
}
