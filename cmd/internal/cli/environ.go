package cli

import "os"

// environment returns os.Getenv with $TOKENKEEP_KEY taken out of the process's
// environment: no browser, key command or program that exec runs inherits the key to
// all tokens.
func environment() func(string) string {
	const name = "TOKENKEEP_KEY"
	key := os.Getenv(name)
	_ = os.Unsetenv(name) // the name is a valid one
	return func(k string) string {
		if k == name {
			return key
		}
		return os.Getenv(k)
	}
}
