package zohotest

import (
	"bytes"
	"html/template"
	"net/http"
	"time"
)

const (
	consentPath = "/oauth/v2/auth/consent"
	devicePath  = "/oauth/v3/device"
)

const pageText = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}} - fake Zoho</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1d1f23}
.banner{background:#b3261e;color:#fff;text-align:center;padding:.4rem;font-weight:600}
main{max-width:30rem;margin:2rem auto;background:#fff;padding:1.5rem 2rem;border-radius:.5rem;box-shadow:0 1px 4px #0003}
h1{font-size:1.3rem}li{font-family:ui-monospace,monospace;font-size:.9rem}
label{display:block;margin:.8rem 0}select,input{font:inherit;width:100%;padding:.3rem;box-sizing:border-box}
button{font:inherit;padding:.5rem 1.4rem;margin:.5rem .5rem 0 0;border-radius:.3rem;border:1px solid #888;background:#fff}
button.accept{background:#0b57d0;border-color:#0b57d0;color:#fff}
</style></head>
<body><div class="banner" role="note">fake Zoho ({{.DC}}) - a test server, nothing here is real</div>
<main><h1>{{.Title}}</h1>
{{with .Text}}<p>{{.}}</p>{{end}}
{{with .Form}}<form method="post" action="{{.Action}}">
{{with .App}}<p><strong>{{.}}</strong> would like to access:</p>{{end}}
{{with .Scopes}}<ul>{{range .}}<li>{{.}}</li>{{end}}</ul>{{end}}
{{with .Request}}<input type="hidden" name="request" value="{{.}}">{{end}}
{{if .AskCode}}<label>Code shown on the device <input name="user_code" value="{{.UserCode}}" autocomplete="off" required></label>{{end}}
<label>Sign in as <select name="email">{{range .Users}}<option value="{{.Email}}">{{.Email}} ({{.DC}}, {{.OrgName}})</option>{{end}}</select></label>
{{if .Request}}<label>Environment <select name="env"><option value="">Production</option><option value="sandbox">Sandbox</option><option value="developer">Developer</option></select></label>{{end}}
<button class="accept" name="decision" value="accept">Accept</button><button name="decision" value="reject">Reject</button>
</form>{{end}}
</main></body></html>
`

// page is what the template shows.
type page struct {
	DC, Title, Text string
	Form            *pageForm
}

type pageForm struct {
	Action, App, Request, UserCode string
	Scopes                         []string
	AskCode                        bool
	Users                          []User
}

// html renders a page with the headers that keep it to itself.
func (c *call) html(status int, p page) answer {
	p.DC = c.dc
	var b bytes.Buffer
	if err := template.Must(template.New("page").Parse(pageText)).Execute(&b, p); err != nil {
		panic("zohotest: render page: " + err.Error()) // only our own types come here
	}
	a := rawAnswer(status, htmlType, b.Bytes())
	a.header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	a.header.Set("Cache-Control", "no-store")
	a.header.Set("Referrer-Policy", "no-referrer")
	return a
}

// htmlError is an error for the user's eyes.
func (c *call) htmlError(status int, title, text string) answer {
	if c.outcome == "" {
		c.outcome = title
	}
	return c.html(status, page{Title: title, Text: text})
}

// serverError answers a wrong method, or a missing grant_type: a page, not JSON
// (Zoho Accounts docs, Access token).
func (c *call) serverError() answer {
	return c.htmlError(http.StatusBadRequest, "server error", "The request could not be processed.")
}

// consentPage shows who wants what, and lets a user be chosen.
func (f *Fake) consentPage(c *call, req authRequest) answer {
	id := randomHex(16)
	f.mu.Lock()
	f.book.pending[id] = &pendingConsent{req, f.now().Add(10 * time.Minute)}
	users := f.book.userList()
	f.mu.Unlock()
	return c.html(http.StatusOK, page{Title: "Allow access?", Form: &pageForm{
		Action: consentPath, App: req.client.Name, Request: id, Scopes: req.options.Scopes, Users: users,
	}})
}

func (b *book) userList() []User {
	list := make([]User, 0, len(b.users))
	for _, key := range sortedKeys(b.users) {
		list = append(list, b.users[key])
	}
	return list
}
