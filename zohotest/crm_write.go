package zohotest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// maxWrite is the number of records in one write (Zoho CRM v8 OpenAPI).
const maxWrite = 100

// writeItem is the result of one record of a write.
type writeItem = crmBody

// createRecords serves POST /{module}.
func (f *Fake) createRecords(c *crmCall) answer {
	return f.write(c, http.StatusCreated, f.createOne)
}

// updateRecords serves PUT /{module} and PUT /{module}/{id}.
func (f *Fake) updateRecords(c *crmCall) answer {
	return f.write(c, http.StatusOK, f.updateOne)
}

// write applies one operation to every record of the body, in order.
func (f *Fake) write(c *crmCall, success int, one func(*crmCall, *module, record, int) writeItem) answer {
	records, failure := c.records()
	if failure != nil {
		return *failure
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.crm.moduleOf(c)
	if m == nil {
		return c.invalidModule()
	}
	items := make([]writeItem, 0, len(records))
	for i, r := range records {
		items = append(items, one(c, m, r, i))
	}
	return f.writeAnswer(c, success, items)
}

// writeAnswer is 207 when some failed, and an error status when all did.
func (f *Fake) writeAnswer(c *crmCall, success int, items []writeItem) answer {
	failed := 0
	for _, item := range items {
		if item.Status != "success" {
			failed++
		}
	}
	status := success
	switch {
	case failed == len(items):
		status, c.outcome = f.opts.FailedWriteStatus, items[0].Code
	case failed > 0:
		status, c.outcome = http.StatusMultiStatus, "partial"
	}
	return jsonAnswer(status, map[string]any{"data": items})
}

// records reads the body {"data":[…]}.
func (c *crmCall) records() ([]record, *answer) {
	var body struct {
		Data []record `json:"data"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return nil, c.badRequest("INVALID_DATA", "invalid data", map[string]any{"expected_data_type": "jsonobject"})
	}
	switch n := len(body.Data); {
	case n == 0:
		return nil, c.badRequest("MANDATORY_NOT_FOUND", "required field not found",
			map[string]any{"api_name": "data", "json_path": "$.data"})
	case n > maxWrite:
		return nil, c.badRequest("INVALID_DATA", "invalid data",
			map[string]any{"api_name": "data", "json_path": "$.data", "maximum_length": maxWrite})
	}
	for i, r := range body.Data {
		if r == nil {
			body.Data[i] = record{}
		}
	}
	return body.Data, nil
}

func (f *Fake) createOne(c *crmCall, m *module, r record, i int) writeItem {
	delete(r, "id")
	if v, _ := r[m.mandatory].(string); v == "" {
		return crmFailure("MANDATORY_NOT_FOUND", "required field not found", at(m.mandatory, i))
	}
	if other := m.duplicateOf(r); other != nil {
		return duplicate(m, other, i)
	}
	r["id"] = f.crm.orgOf(c).nextID()
	r.stamp(c.user, f.now())
	m.records = append(m.records, r)
	return written(r, "record added")
}

func (f *Fake) updateOne(c *crmCall, m *module, r record, i int) writeItem {
	if c.id != "" {
		r["id"] = c.id
	}
	at0 := m.index(r.id())
	if at0 < 0 {
		return crmFailure("INVALID_DATA", "the id given seems to be invalid", at("id", i))
	}
	changed := maps.Clone(m.records[at0])
	maps.Copy(changed, r)
	if other := m.duplicateOf(changed); other != nil {
		return duplicate(m, other, i)
	}
	changed.stamp(c.user, f.now())
	m.records[at0] = changed
	return written(changed, "record updated")
}

// deleteRecords serves DELETE /{module}?ids=… and DELETE /{module}/{id}.
func (f *Fake) deleteRecords(c *crmCall) answer {
	ids := splitScopes(c.query.Get("ids"))
	if c.id != "" {
		ids = []string{c.id}
	}
	if len(ids) == 0 {
		return *c.badRequest("REQUIRED_PARAM_MISSING", "required param is missing", map[string]any{"param_name": "ids"})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.crm.moduleOf(c)
	if m == nil {
		return c.invalidModule()
	}
	items := make([]writeItem, 0, len(ids))
	for _, id := range ids {
		items = append(items, m.remove(id))
	}
	return f.writeAnswer(c, http.StatusOK, items)
}

func (m *module) remove(id string) writeItem {
	details := map[string]any{"id": id}
	i := m.index(id)
	if i < 0 {
		return crmFailure("INVALID_DATA", "record not deleted", details)
	}
	m.records = slices.Delete(m.records, i, i+1)
	return writeItem{"SUCCESS", details, "record deleted", "success"}
}

func at(field string, i int) map[string]any {
	return map[string]any{"api_name": field, "json_path": fmt.Sprintf("$.data[%d].%s", i, field)}
}

func duplicate(m *module, other record, i int) writeItem {
	details := at(m.unique, i)
	details["id"], details["more_records"] = other.id(), false
	details["duplicate_record"] = map[string]any{
		"id": other.id(), "Owner": other["Owner"], "module": map[string]any{"api_name": m.name},
	}
	return crmFailure("DUPLICATE_DATA", "duplicate data", details)
}

func written(r record, message string) writeItem {
	return writeItem{"SUCCESS", map[string]any{
		"id": r["id"], "Created_Time": r["Created_Time"], "Created_By": r["Created_By"],
		"Modified_Time": r["Modified_Time"], "Modified_By": r["Modified_By"], "$approval_state": "approved",
	}, message, "success"}
}
