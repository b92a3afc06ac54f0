package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// call sends one request as the session's user. A path goes to the user's API
// domain.
func call(ctx context.Context, s *tokenkeep.Session, method, target string, header http.Header, body []byte) (*http.Response, error) {
	if strings.HasPrefix(target, "/") {
		tok, err := s.Token(ctx)
		if err != nil {
			return nil, err
		}
		target = tok.APIDomain + target
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	if len(body) > 0 && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.Client().Do(req)
	if err != nil && tokenkeep.ClassOf(err) == "" && ctx.Err() == nil {
		err = &tokenkeep.Error{Class: tokenkeep.RetryLater, Op: "api", Reason: "no answer from Zoho", Err: err}
	}
	return resp, err
}

// An apiError is an answer of the API that reports a failure.
type apiError struct {
	status        int
	code, message string
	body          []byte
}

// apiErrorOf returns nil for a success; otherwise it reads the body.
func apiErrorOf(resp *http.Response) *apiError {
	if resp.StatusCode < http.StatusBadRequest {
		return nil
	}
	e := &apiError{status: resp.StatusCode}
	e.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // half a body is better than none
	var answer struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(e.body, &answer) == nil {
		e.code, e.message = answer.Code, answer.Message
	}
	return e
}

// Error returns the status, and what the API said.
func (e *apiError) Error() string {
	s := fmt.Sprintf("Zoho answered HTTP %d", e.status)
	if e.code != "" {
		s += ": " + e.code
	}
	if e.message != "" {
		s += " (" + e.message + ")"
	}
	return s
}

func (e *apiError) exitCode() int {
	switch {
	case e.code == "OAUTH_SCOPE_MISMATCH", e.code == "NO_PERMISSION", e.status == http.StatusForbidden:
		return ExitPermission
	case e.status == http.StatusTooManyRequests:
		return ExitTryLater
	}
	return ExitAPI
}

// hint says what to do about the answer.
func (e *apiError) hint() string {
	switch {
	case e.code == "OAUTH_SCOPE_MISMATCH":
		return "log in again with the scope that the call needs: tokenkeep login --scopes LIST"
	case e.exitCode() == ExitPermission:
		return "ask the CRM's administrator for the permission"
	case e.status == http.StatusTooManyRequests:
		return "run it again later: the API's limit is used up"
	case e.status == http.StatusUnauthorized:
		return "tokenkeep refresh; if that does not help, tokenkeep login"
	case e.status >= http.StatusInternalServerError:
		return "run it again in a minute"
	}
	return "correct the request: Zoho's answer above says what is wrong"
}
