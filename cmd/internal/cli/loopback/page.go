package loopback

import (
	"html/template"
	"net/http"
)

// A Page is what the browser shows at the end of a login. It holds no secret.
type Page struct {
	// Status is the HTTP status; zero means 200.
	Status int
	// Title is the headline.
	Title string
	// Text says more, and Next what to do; both may be empty.
	Text, Next string
}

// style is the page's only style sheet; the policy names it by its place in the
// page, and allows nothing else.
const pageHTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} – tokenkeep</title>
<style>
:root { color-scheme: light dark; }
body { font: 1.05rem/1.5 system-ui, sans-serif; margin: 0; display: grid; min-height: 100vh; place-items: center; }
main { max-width: 34rem; padding: 2rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
code { font: .95em ui-monospace, monospace; }
footer { margin-top: 2rem; opacity: .7; font-size: .85rem; }
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{with .Text}}<p>{{.}}</p>{{end}}
{{with .Next}}<p><strong>Next:</strong> {{.}}</p>{{end}}
<footer>tokenkeep</footer>
</main>
</body>
</html>
`

// write sends the page. Nothing outside of it is loaded, no script runs, it is
// not kept, and the address of the callback is told to nobody.
func (p Page) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	if p.Status == 0 {
		p.Status = http.StatusOK
	}
	w.WriteHeader(p.Status)
	_ = template.Must(template.New("page").Parse(pageHTML)).Execute(w, p) // the browser may be gone
}
