package tokenkeep

import (
	"crypto/sha256"
	"encoding/hex"
)

// LoginMark returns what [Event].Login says of a login with this refresh token:
// twelve hexadecimal digits, the same in every process, which tell logins apart and
// nothing about the token. It is empty for an empty token.
func LoginMark(refreshToken Secret) string {
	if refreshToken.IsZero() {
		return ""
	}
	sum := sha256.Sum256([]byte("tokenkeep login\x00" + refreshToken.Reveal()))
	return hex.EncodeToString(sum[:6])
}
