package tokenkeep

import "strings"

// EmailOf returns the email of a user name like "<email>:<zgid>", which Zoho's SDKs and
// tokenkeep give, and other names as they are: those with another colon in them are
// users of their own. Zoho counts refresh tokens for the person, and a person may be in
// several organisations.
func EmailOf(userName string) string {
	email, org, ok := strings.Cut(userName, ":")
	if !ok || !strings.Contains(email, "@") || org == "" || strings.Trim(org, "0123456789") != "" {
		return userName
	}
	return email
}

// isUser reports whether name is that of user, who may be given by the email alone.
func isUser(name, user string) bool {
	return name == user || EmailOf(name) == user
}
