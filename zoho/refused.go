package zoho

import (
	"encoding/json"
	"net/http"

	"github.com/tokenkeep/tokenkeep"
)

var _ tokenkeep.Refuser = (*Provider)(nil)

// Refused implements [tokenkeep.Refuser]: a 401 answer of Zoho CRM means that
// the access token is not valid unless its code says otherwise, as
// OAUTH_SCOPE_MISMATCH does, which no new token heals (Zoho CRM's OpenAPI
// specification, v8). A body that is no such answer counts as a refusal.
func (p *Provider) Refused(_ http.Header, body []byte) bool {
	var answer struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return true
	}
	switch answer.Code {
	case "", "INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE":
		return true
	}
	return false
}
