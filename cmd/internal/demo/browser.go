package demo

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// maxPage bounds how much of a page is read.
const maxPage = 1 << 20

// A browser walks through the consent page in place of a person.
type browser struct{ http *http.Client }

func newBrowser(base http.RoundTripper) browser {
	return browser{&http.Client{
		Transport:     base,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// consent opens an authorize URL, signs in as email, presses Accept, and returns
// the address that the browser is sent back to.
func (b browser) consent(ctx context.Context, authorizeURL, email string) (string, error) {
	page, _, err := b.do(ctx, http.MethodGet, authorizeURL, nil)
	if err != nil {
		return "", fmt.Errorf("consent page: %w", err)
	}
	action, request, err := readForm(page)
	if err != nil {
		return "", err
	}
	target, err := resolve(authorizeURL, action)
	if err != nil {
		return "", err
	}
	_, back, err := b.do(ctx, http.MethodPost, target, url.Values{
		"request": {request}, "email": {email}, "decision": {"accept"},
	})
	if err != nil {
		return "", fmt.Errorf("consent: %w", err)
	}
	if back == "" {
		return "", errors.New("consent: the page did not send the browser back")
	}
	return back, nil
}

// do sends a request and returns the page, and where it redirects to.
func (b browser) do(ctx context.Context, method, target string, form url.Values) (page, redirect string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(form.Encode()))
	if err != nil {
		return "", "", err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	return string(body), resp.Header.Get("Location"), err
}

var (
	formAction  = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	formRequest = regexp.MustCompile(`name="request" value="([^"]+)"`)
)

// readForm finds where the consent form goes and the request that it belongs to.
func readForm(page string) (action, request string, err error) {
	a, r := formAction.FindStringSubmatch(page), formRequest.FindStringSubmatch(page)
	if a == nil || r == nil {
		return "", "", errors.New("consent page: it shows no form")
	}
	return html.UnescapeString(a[1]), html.UnescapeString(r[1]), nil
}

func resolve(page, ref string) (string, error) {
	u, err := url.Parse(page)
	if err != nil {
		return "", err
	}
	u, err = u.Parse(ref)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}
