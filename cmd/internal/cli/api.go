package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// maxErrorBody is how much of an error's body is read.
const maxErrorBody = 1 << 20

// An apiRequest is what `api` was asked to send.
type apiRequest struct {
	method, path string
	fields       []string
	input        string
	headers      []string
	paginate     bool
	user         string
}

func newAPI(a *App) *cobra.Command {
	var r apiRequest
	cmd := &cobra.Command{
		Use:   "api METHOD PATH",
		Short: "Call Zoho's API as a user",
		Long: `Sends a request to the API of the user's data centre and prints the answer's body.
PATH is a path such as /crm/v8/Leads, or a whole URL at one of Zoho's API hosts.

Fields (-f) go into the query of a GET, HEAD or DELETE, or of any request with
--input; otherwise they make the JSON object that is sent.

With --paginate every page of a list is printed, one JSON document after another.`,
		Example: `  tokenkeep api GET /crm/v8/Leads -f fields=Last_Name,Email --paginate
  echo '{"data":[{"Last_Name":"Boyle"}]}' | tokenkeep api POST /crm/v8/Leads --input -`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), 0)
			defer cancel()
			r.method, r.path = strings.ToUpper(args[0]), args[1]
			return a.api(ctx, &r)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&r.fields, "field", "f", nil, "a `KEY=VALUE` for the query or the body; may be repeated")
	f.StringVar(&r.input, "input", "", "`FILE` to send as the body; - is standard input")
	f.StringArrayVarP(&r.headers, "header", "H", nil, "a `NAME:VALUE` header; may be repeated")
	f.BoolVar(&r.paginate, "paginate", false, "follow info.more_records through all pages of a GET")
	f.StringVarP(&r.user, "user", "u", "", "the `USER` to act as (default: the one of tokenkeep switch)")
	return cmd
}

func (a *App) api(ctx context.Context, r *apiRequest) error {
	if err := r.check(); err != nil {
		return err
	}
	target, body, err := r.build(a.IO.In)
	if err != nil {
		return err
	}
	l, err := a.openLogin(ctx, r.user)
	if err != nil {
		return err
	}
	for page := 1; target != ""; page++ {
		next, err := a.page(ctx, l, r, target, body, page)
		if err != nil {
			return loginHint(err, l.row)
		}
		target = next
	}
	return nil
}

func (r *apiRequest) check() error {
	if strings.Trim(r.method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || r.method == "" {
		return usagef("the method %q is no HTTP method; write GET, POST, PUT, PATCH or DELETE", r.method)
	}
	if r.paginate && r.method != http.MethodGet {
		return usagef("--paginate goes with GET only")
	}
	for _, h := range r.headers {
		name, _, ok := strings.Cut(h, ":")
		if !ok {
			return usagef("--header: write NAME:VALUE")
		}
		if strings.EqualFold(strings.TrimSpace(name), "Authorization") {
			return usagef("--header: tokenkeep sets Authorization itself")
		}
	}
	return nil
}

// build returns the target and the body.
func (r *apiRequest) build(stdin io.Reader) (string, []byte, error) {
	u, err := url.Parse(r.path)
	if err != nil {
		return "", nil, usagef("the path is not a URL: %v", errors.Unwrap(err))
	}
	if !u.IsAbs() && !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	fields, err := r.fieldMap()
	if err != nil {
		return "", nil, err
	}
	inQuery := r.input != "" || r.method == http.MethodGet || r.method == http.MethodHead || r.method == http.MethodDelete
	if inQuery && len(fields) > 0 {
		q := u.Query()
		for _, f := range fields {
			q.Add(f[0], f[1])
		}
		u.RawQuery = q.Encode()
	}
	body, err := r.body(stdin, fields, inQuery)
	return u.String(), body, err
}

func (r *apiRequest) fieldMap() ([][2]string, error) {
	var list [][2]string
	for _, f := range r.fields {
		k, v, ok := strings.Cut(f, "=")
		if !ok || k == "" {
			return nil, usagef("--field: write KEY=VALUE")
		}
		list = append(list, [2]string{k, v})
	}
	return list, nil
}

func (r *apiRequest) body(stdin io.Reader, fields [][2]string, inQuery bool) ([]byte, error) {
	switch {
	case r.input == "-":
		return io.ReadAll(stdin)
	case r.input != "":
		b, err := os.ReadFile(r.input)
		if err != nil {
			return nil, usageError(fmt.Errorf("--input: %w", err))
		}
		return b, nil
	case inQuery || len(fields) == 0:
		return nil, nil
	}
	object := map[string]string{}
	for _, f := range fields {
		object[f[0]] = f[1]
	}
	return json.Marshal(object)
}

// page sends one request, prints its body, and returns where the next page is,
// or "".
func (a *App) page(ctx context.Context, l *login, r *apiRequest, target string, body []byte, n int) (string, error) {
	what := r.method + " " + pathOf(target)
	if n > 1 {
		what += fmt.Sprintf(", page %d", n)
	}
	stop := a.IO.Progress(what)
	resp, err := call(ctx, l.Session, r.method, target, r.header(), body)
	stop()
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if aerr := apiErrorOf(resp); aerr != nil {
		_, _ = a.IO.Out.Write(aerr.body)
		endLine(a.IO.Out, aerr.body)
		return "", aerr
	}
	if !r.paginate {
		return "", copyBody(a.IO.Out, resp.Body)
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("api: read answer: %w", err)
	}
	if _, err := a.IO.Out.Write(data); err != nil {
		return "", fmt.Errorf("write: %w", err)
	}
	endLine(a.IO.Out, data)
	return nextPage(target, data)
}

func (r *apiRequest) header() http.Header {
	h := http.Header{}
	for _, line := range r.headers {
		name, value, _ := strings.Cut(line, ":")
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return h
}

// copyBody copies a body and ends its last line.
func copyBody(w io.Writer, r io.Reader) error {
	last := &lastByte{w: w}
	if _, err := io.Copy(last, r); err != nil {
		return fmt.Errorf("api: read answer: %w", err)
	}
	if last.n > 0 && last.b != '\n' && last.text {
		fmt.Fprintln(w)
	}
	return nil
}

// lastByte remembers what the last byte was, and whether it all looks like JSON.
type lastByte struct {
	w    io.Writer
	n    int64
	b    byte
	text bool
}

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		if l.n == 0 {
			l.text = p[0] == '{' || p[0] == '['
		}
		l.b = p[len(p)-1]
		l.n += int64(len(p))
	}
	return l.w.Write(p)
}

func endLine(w io.Writer, data []byte) {
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		fmt.Fprintln(w)
	}
}

// nextPage returns the URL of the page after this one, or "" (Zoho CRM v8 docs,
// Get records: info.more_records with page up to 2,000 records, and
// info.next_page_token beyond).
func nextPage(target string, data []byte) (string, error) {
	var answer struct {
		Info struct {
			More  bool   `json:"more_records"`
			Page  int    `json:"page"`
			Token string `json:"next_page_token"`
		} `json:"info"`
	}
	isJSON := json.Unmarshal(data, &answer) == nil // an empty list has no body
	if !isJSON || !answer.Info.More {
		return "", nil
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", err
	}
	q := u.Query()
	switch {
	case answer.Info.Token != "":
		q.Del("page")
		q.Set("page_token", answer.Info.Token)
	case answer.Info.Page > 0:
		q.Set("page", fmt.Sprint(answer.Info.Page+1))
	default:
		return "", errors.New("api: the answer has more records and does not say where")
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func pathOf(target string) string {
	if u, err := url.Parse(target); err == nil {
		return u.Path
	}
	return target
}
