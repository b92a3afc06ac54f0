package zohotest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// adminHelp describes the admin API.
const adminHelp = `fake Zoho: admin API. JSON in, JSON out. Durations of faults are nanoseconds.

GET    /admin/state            data centres, clients, users, tokens (secrets masked), faults
GET    /admin/counters         counters; by_refresh_token is keyed by fingerprint
DELETE /admin/counters         set them to zero
GET    /admin/requests         the last requests
POST   /admin/advance          {"seconds":3600}
POST   /admin/auto-approve     {"email":"ann@example.com"} ("" shows the consent page)
POST   /admin/clients          {"id":"1000.APP","secret":"…","redirect_uris":["…"],"dc":"us","dcs":["eu"],"self":false}
POST   /admin/users            {"email":"ann@example.com","first":"Ann","last":"Lee","dc":"eu"}
POST   /admin/issue            {"client":"…","email":"…","scopes":["…"],"env":""}: a complete login
POST   /admin/grant-code       {"client":"…","email":"…","scopes":["…"],"redirect_uri":"…","offline":true,"prompt_consent":true}
POST   /admin/self-client-code {"client":"…","email":"…","scopes":["…"]}
POST   /admin/faults           {"kind":"status","path":"/oauth/v2/token","status":502,"times":1}
DELETE /admin/faults           disarm all
POST   /admin/revoke           {"token":"…"}
POST   /admin/remove-app       {"client":"…","email":"…"}
POST   /admin/change-password  {"email":"…","terminate":true}
POST   /admin/delete-client    {"client":"…"}
POST   /admin/evict            {"token":"…"}: kills one access token
POST   /admin/device/approve   {"user_code":"…","email":"…"}
POST   /admin/device/deny      {"user_code":"…"}
`

// adminRequest is the union of what the admin API reads.
type adminRequest struct {
	Seconds       float64  `json:"seconds"`
	Client        string   `json:"client"`
	Email         string   `json:"email"`
	Token         string   `json:"token"`
	UserCode      string   `json:"user_code"`
	Scopes        []string `json:"scopes"`
	Env           string   `json:"env"`
	RedirectURI   string   `json:"redirect_uri"`
	Offline       bool     `json:"offline"`
	PromptConsent bool     `json:"prompt_consent"`
	Terminate     bool     `json:"terminate"`
}

// errNotFound says that an admin action had nothing to act on.
var errNotFound = errors.New("no such token, or it is dead already")

// AdminHandler serves the admin API under /admin/, and a help text at /. It has
// no password: serve it on loopback only. Other sites' pages cannot use it.
func (f *Fake) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", adminIndex)
	mux.HandleFunc("GET /admin/{$}", adminIndex)
	mux.Handle("GET /admin/state", adminGet(f.adminState))
	mux.Handle("GET /admin/counters", adminGet(f.adminCounters))
	mux.Handle("GET /admin/requests", adminGet(func() any { return f.Requests() }))
	mux.Handle("DELETE /admin/counters", adminDo(func() { f.ResetCounters() }))
	mux.Handle("DELETE /admin/faults", adminDo(func() { f.ClearFaults() }))
	mux.Handle("POST /admin/clients", adminPost(func(c Client) (any, error) { return f.AddClient(c), nil }))
	mux.Handle("POST /admin/users", adminPost(f.adminUser))
	mux.Handle("POST /admin/faults", adminPost(func(ft Fault) (any, error) { f.AddFault(ft); return ft, nil }))
	for path, act := range f.adminActions() {
		mux.Handle("POST /admin/"+path, adminPost(act))
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

// adminActions are the calls that take an adminRequest.
func (f *Fake) adminActions() map[string]func(adminRequest) (any, error) {
	return map[string]func(adminRequest) (any, error){
		"advance":          f.adminAdvance,
		"auto-approve":     done(func(r adminRequest) { f.SetAutoApprove(r.Email) }),
		"remove-app":       done(func(r adminRequest) { f.RemoveApp(r.Client, r.Email) }),
		"change-password":  done(func(r adminRequest) { f.ChangePassword(r.Email, r.Terminate) }),
		"delete-client":    done(func(r adminRequest) { f.DeleteClient(r.Client) }),
		"revoke":           found(func(r adminRequest) bool { return f.RevokeRefreshToken(r.Token) }),
		"evict":            found(func(r adminRequest) bool { return f.EvictAccessToken(r.Token) }),
		"issue":            f.adminIssue,
		"grant-code":       f.adminCode,
		"self-client-code": f.adminSelfCode,
		"device/approve": func(r adminRequest) (any, error) {
			return success(), f.ApproveDevice(r.UserCode, r.Email)
		},
		"device/deny": func(r adminRequest) (any, error) { return success(), f.DenyDevice(r.UserCode) },
	}
}

func (f *Fake) adminAdvance(r adminRequest) (any, error) {
	f.Advance(time.Duration(r.Seconds * float64(time.Second)))
	return map[string]any{"now": f.Now()}, nil
}

func (f *Fake) adminUser(u User) (any, error) {
	if u.Email == "" {
		return nil, errors.New("a user needs an email")
	}
	if !f.hasDC(cmp.Or(u.DC, "us")) {
		return nil, fmt.Errorf("unknown data centre %q", u.DC)
	}
	return f.AddUser(u), nil
}

func (f *Fake) adminIssue(r adminRequest) (any, error) {
	return f.issue(r.Client, r.Email, r.Env, r.Scopes)
}

func (f *Fake) adminCode(r adminRequest) (any, error) {
	code, err := f.GrantCode(r.Client, r.Email, GrantOptions{
		Scopes: r.Scopes, RedirectURI: r.RedirectURI, Offline: r.Offline,
		PromptConsent: r.PromptConsent, Env: r.Env,
	})
	return map[string]string{"code": code}, err
}

func (f *Fake) adminSelfCode(r adminRequest) (any, error) {
	code, err := f.selfCode(r.Client, r.Email, r.Scopes)
	return map[string]string{"code": code}, err
}

func success() any { return map[string]string{"status": "success"} }

func done(act func(adminRequest)) func(adminRequest) (any, error) {
	return func(r adminRequest) (any, error) { act(r); return success(), nil }
}

func found(act func(adminRequest) bool) func(adminRequest) (any, error) {
	return func(r adminRequest) (any, error) {
		if !act(r) {
			return nil, errNotFound
		}
		return success(), nil
	}
}

func adminIndex(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(adminHelp)) // the caller may be gone
}

func adminGet(get func() any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeAdmin(w, http.StatusOK, get()) })
}

func adminDo(act func()) http.Handler {
	return adminGet(func() any { act(); return success() })
}

func adminPost[T any](act func(T) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in T
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&in); err != nil {
			writeAdmin(w, http.StatusBadRequest, map[string]string{"error": "read request: " + err.Error()})
			return
		}
		out, err := act(in)
		if err != nil {
			writeAdmin(w, http.StatusUnprocessableEntity, map[string]string{"error": err.Error()})
			return
		}
		writeAdmin(w, http.StatusOK, out)
	})
}

func writeAdmin(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the caller may be gone
}
