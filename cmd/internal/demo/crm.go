package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/tokenkeep/tokenkeep"
)

const leadsPath = "/crm/v8/Leads"

// createLead adds a lead with the session's own client.
func createLead(ctx context.Context, s *tokenkeep.Session, lastName string) error {
	body, err := json.Marshal(map[string]any{"data": []map[string]string{{"Last_Name": lastName}}})
	if err != nil {
		return err
	}
	_, err = call(ctx, s, http.MethodPost, leadsPath, body)
	return err
}

// listLeads returns the last names of the leads that the session's user sees.
func listLeads(ctx context.Context, s *tokenkeep.Session) ([]string, error) {
	answer, err := call(ctx, s, http.MethodGet, leadsPath+"?fields=Last_Name", nil)
	if err != nil {
		return nil, err
	}
	if len(answer) == 0 {
		return nil, nil // 204: there are none
	}
	var list struct {
		Data []struct {
			LastName string `json:"Last_Name"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, fmt.Errorf("list leads: %w", err)
	}
	names := make([]string, len(list.Data))
	for i, d := range list.Data {
		names[i] = d.LastName
	}
	return names, nil
}

// call makes one CRM call at the session's API domain.
func call(ctx context.Context, s *tokenkeep.Session, method, path string, body []byte) ([]byte, error) {
	tok, err := s.Token(ctx)
	if err != nil {
		return nil, err
	}
	return send(ctx, s, method, tok.APIDomain+path, body)
}

// send makes one CRM call at a URL.
func send(ctx context.Context, s *tokenkeep.Session, method, target string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("CRM answered HTTP %d: %.200s", resp.StatusCode, answer)
	}
	return answer, nil
}
