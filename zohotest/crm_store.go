package zohotest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// crmTime is the CRM's format: with an offset, without milliseconds.
const crmTime = "2006-01-02T15:04:05-07:00"

// An org holds the records of one environment of an organisation.
type org struct {
	modules map[string]*module
	serial  int
}

// A module is a kind of record.
type module struct {
	name      string
	mandatory string // field that must be set
	unique    string // field that no two records share
	records   []record
}

// A record is what the API shows; its values are JSON's.
type record map[string]any

func (r record) id() string { id, _ := r["id"].(string); return id }

func newOrg() *org {
	o := &org{modules: make(map[string]*module)}
	for _, m := range []module{
		{name: "Leads", mandatory: "Last_Name", unique: "Email"},
		{name: "Contacts", mandatory: "Last_Name", unique: "Email"},
		{name: "Accounts", mandatory: "Account_Name", unique: "Account_Name"},
		{name: "Deals", mandatory: "Deal_Name"},
		{name: "Tasks", mandatory: "Subject"},
		{name: "Notes", mandatory: "Note_Content"},
	} {
		o.modules[strings.ToLower(m.name)] = &m
	}
	return o
}

// orgOf finds the organisation that a call works on.
func (d *crmData) orgOf(c *crmCall) *org {
	key := orgKey{c.dc, c.user.ZGID, c.env}
	o := d.orgs[key]
	if o == nil {
		o = newOrg()
		d.orgs[key] = o
	}
	return o
}

// moduleOf finds the module that a call names; nil: there is none.
func (d *crmData) moduleOf(c *crmCall) *module { return d.orgOf(c).modules[strings.ToLower(c.module)] }

func (o *org) nextID() string {
	o.serial++
	return fmt.Sprintf("%019d", 4_150_868_000_002_000_000+o.serial)
}

func (m *module) index(id string) int {
	return slices.IndexFunc(m.records, func(r record) bool { return r.id() == id })
}

// duplicateOf finds another record with the same value in the unique field.
func (m *module) duplicateOf(r record) record {
	v, _ := r[m.unique].(string)
	if m.unique == "" || v == "" {
		return nil
	}
	for _, other := range m.records {
		if w, _ := other[m.unique].(string); strings.EqualFold(v, w) && other.id() != r.id() {
			return other
		}
	}
	return nil
}

// stamp sets who changed a record, and when.
func (r record) stamp(u User, now time.Time) {
	r["Modified_Time"], r["Modified_By"] = now.Format(crmTime), u.ref()
	if r["Created_Time"] == nil {
		r["Created_Time"], r["Created_By"] = now.Format(crmTime), u.ref()
		r["Owner"] = map[string]any{"name": u.fullName(), "id": u.ID, "email": u.Email}
	}
}

func (u User) ref() map[string]any { return map[string]any{"name": u.fullName(), "id": u.ID} }

// pick keeps the fields that were asked for, and the id.
func (r record) pick(fields []string) record {
	out := record{"id": r["id"]}
	for _, name := range fields {
		if v, ok := r[name]; ok {
			out[name] = v
		} else if name != "id" {
			out[name] = nil
		}
	}
	return out
}
