package tokenkeep_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// Stores keep events as JSON: every field comes back, also one that is added later.
func TestEventAsJSON(t *testing.T) {
	var full tokenkeep.Event
	fill(t, reflect.ValueOf(&full).Elem())
	for _, want := range []tokenkeep.Event{full, {Kind: tokenkeep.Deleted, Time: time.UnixMilli(1).UTC()}} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got tokenkeep.Event
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s\ncame back as %+v", text, got)
		}
		if strings.ContainsAny(string(text), "\n\r") {
			t.Errorf("not on one line: %s", text)
		}
	}
}

// fill sets every field of a struct to a value of its own.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch f.Kind() {
		case reflect.Struct:
			f.Set(reflect.ValueOf(time.Unix(1767225600+int64(i), 123456789).UTC()))
		case reflect.String:
			f.SetString(name + " \n\"\\\u2028 名")
		case reflect.Int64:
			f.SetInt(1<<62 + int64(i))
		case reflect.Bool:
			f.SetBool(true)
		default:
			t.Fatalf("field %s of kind %s: see that it comes back", name, f.Kind())
		}
	}
}
