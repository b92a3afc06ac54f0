package zohotest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ClientType is the kind of application registered in the API console.
type ClientType string

// The client types of the API console.
const (
	ClientWeb    ClientType = ""       // server-based; the default
	ClientSelf   ClientType = "self"   // self client: codes come from the console
	ClientMobile ClientType = "mobile" // mobile and desktop: a code verifier may stand in for the secret
	ClientDevice ClientType = "device" // limited input devices
)

// A Client is an application registered in the API console.
type Client struct {
	// ID is generated when empty. Zoho's start with "1000.".
	ID string `json:"id"`
	// Secret is generated when empty.
	Secret string `json:"secret"`
	// SecretByDC holds the secrets of data centres that have one of their own
	// (Zoho Accounts docs, Multi-DC).
	SecretByDC map[string]string `json:"secret_by_dc,omitempty"`
	// Name is shown on the consent page. Defaults to "Test application".
	Name string `json:"name,omitempty"`
	// RedirectURIs must match byte for byte.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	// DC is the client's home. Defaults to "us".
	DC string `json:"dc,omitempty"`
	// DCs are further data centres enabled by the multi-DC switch. Empty: home only.
	DCs []string `json:"dcs,omitempty"`
	// Self makes a self client; the same as Type: ClientSelf.
	Self bool `json:"self,omitempty"`
	// Type defaults to a server-based application.
	Type ClientType `json:"type,omitempty"`
}

func (c Client) enabledIn(dc string) bool { return c.DC == dc || slices.Contains(c.DCs, dc) }

func (c Client) secretIn(dc string) string {
	if s, ok := c.SecretByDC[dc]; ok {
		return s
	}
	return c.Secret
}

// A User is a person with a Zoho account, in one organisation.
type User struct {
	Email string `json:"email"`
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`
	// ZUID is the user's number. Generated when empty.
	ZUID string `json:"zuid,omitempty"`
	// ID is the user's record id in the CRM. Generated when empty.
	ID string `json:"id,omitempty"`
	// DC is the user's home. Defaults to "us".
	DC string `json:"dc,omitempty"`
	// ZGID is the organisation's number. Users of a data centre who leave it empty
	// share one organisation.
	ZGID    string `json:"zgid,omitempty"`
	OrgName string `json:"org_name,omitempty"`
	// NoAPIPermission is a profile without API access: CRM calls answer 403.
	NoAPIPermission bool `json:"no_api_permission,omitempty"`
}

// GrantOptions is what a consent is given for; the fields are the authorize
// page's parameters. The zero value is an online grant, as at Zoho.
type GrantOptions struct {
	// Scopes defaults to [DefaultScopes].
	Scopes []string
	// RedirectURI defaults to the client's first.
	RedirectURI string
	// Offline is access_type=offline.
	Offline bool
	// PromptConsent is prompt=consent.
	PromptConsent bool
	// CodeChallenge and CodeChallengeMethod ("S256" or "plain") are PKCE's.
	CodeChallenge, CodeChallengeMethod string
	// Env is the environment the user picks: [Production], [Sandbox] or [Developer].
	Env string
}

// Issued is the result of a complete login.
type Issued struct {
	RefreshToken string    `json:"refresh_token"`
	AccessToken  string    `json:"access_token"`
	APIDomain    string    `json:"api_domain"`
	AccountsURL  string    `json:"accounts_url"`
	ExpiresAt    time.Time `json:"expires_at"`
	Scopes       []string  `json:"scopes"`
}

// DefaultScopes is the set that a CRM client usually asks for.
func DefaultScopes() []string {
	return []string{
		"ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ",
		"ZohoCRM.coql.READ", "ZohoCRM.bulk.ALL", "ZohoCRM.notifications.ALL",
		"ZohoCRM.files.CREATE", "ZohoCRM.files.READ", "ZohoSearch.securesearch.READ",
		"AaaServer.profile.READ",
	}
}

// newToken makes a string in the shape of Zoho's codes and tokens (observed).
func newToken() string { return "1000." + randomHex(16) + "." + randomHex(16) }

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Mask shows the first part and the last four characters of a secret.
func Mask(secret string) string {
	if secret == "" {
		return ""
	}
	if len(secret) < 20 {
		return "****"
	}
	prefix, _, found := strings.Cut(secret, ".")
	if !found || len(prefix) > 8 {
		return "****" + secret[len(secret)-4:]
	}
	return prefix + ".****" + secret[len(secret)-4:]
}

func userKey(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// upperHex gives 2n upper-case characters, as in client ids.
func upperHex(n int) string { return strings.ToUpper(randomHex(n)) }

// dcNumber gives every data centre its own digits.
func dcNumber(dc string) string { return fmt.Sprintf("%05d", 10_001+slices.Index(DataCentres(), dc)) }

// Fingerprint names a secret without giving it away: the first twelve hex digits
// of its SHA-256. The admin API uses it.
func Fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:6])
}
