package filestore

import "encoding/json"

// WithHook returns options under which every save calls hook at its steps:
// "created" (the temporary file exists), "appended" (the sidecar has the record),
// "renamed" (the token file is replaced).
func WithHook(hook func(step string)) *Options { return &Options{hook: hook} }

// Compact shortens the sidecar however short it is.
func (s *Store) Compact() error {
	return s.side.replace(func(id string) bool { return s.view.byID[id] != nil })
}

// SidecarLine returns text as a line of a sidecar.
func SidecarLine(text string) string {
	b, _ := appendLine(nil, json.RawMessage(text))
	return string(b)
}

// Rewrite returns data as a save of nothing would write it.
func Rewrite(data []byte) ([]byte, error) {
	f, err := parse(data)
	if err != nil {
		return nil, err
	}
	d := f.draft(f.rows, -1)
	return d.parts[0], d.check()
}
