package zohotest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// pageOf answers one page of a module.
func (f *Fake) pageOf(l listing, m *module) answer {
	all := l.sorted(m.records)
	if len(all) == 0 && !l.changedSince.IsZero() {
		return emptyAnswer(http.StatusNotModified)
	}
	if l.offset >= len(all) {
		return emptyAnswer(http.StatusNoContent)
	}
	rest := all[l.offset:]
	more := len(rest) > l.perPage
	data := make([]record, 0, l.perPage)
	for _, r := range rest[:min(len(rest), l.perPage)] {
		data = append(data, r.pick(l.fields))
	}
	return jsonAnswer(http.StatusOK, map[string]any{"data": data, "info": f.pageInfo(l, len(data), more)})
}

func (f *Fake) pageInfo(l listing, count int, more bool) map[string]any {
	order := "desc"
	if l.ascending {
		order = "asc"
	}
	info := map[string]any{
		"call": false, "email": false, "per_page": l.perPage, "count": count, "page": l.page,
		"sort_by": l.sortBy, "sort_order": order, "more_records": more,
		"next_page_token": nil, "previous_page_token": nil, "page_token_expiry": nil,
	}
	if more {
		t := pageToken{l.params, l.offset + count, f.now().Add(pageTokenOK)}
		id := randomHex(32)
		f.crm.pages[id] = t
		info["next_page_token"], info["page_token_expiry"] = id, t.expires.Format(crmTime)
	}
	return info
}

// sorted filters and orders a module's records; the default order is by id,
// newest first.
func (l listing) sorted(records []record) []record {
	list := slices.DeleteFunc(slices.Clone(records), func(r record) bool {
		when, _ := r["Modified_Time"].(string)
		t, err := time.Parse(crmTime, when)
		return err == nil && !l.changedSince.IsZero() && !t.After(l.changedSince)
	})
	slices.SortStableFunc(list, func(x, y record) int {
		a, _ := x[l.sortBy].(string)
		b, _ := y[l.sortBy].(string)
		if l.ascending {
			return strings.Compare(a, b)
		}
		return strings.Compare(b, a)
	})
	return list
}
