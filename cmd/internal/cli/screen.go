package cli

import (
	"regexp"
	"slices"
	"strings"
)

// tokenShape is a token, a code or a refresh token of Zoho: two dots after
// digits. Client ids have one dot.
var tokenShape = regexp.MustCompile(`\b\d{4}\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+`)

// keyShape is a key of the store: 32 bytes in base64.
var keyShape = regexp.MustCompile(`(^|[=,])[0-9A-Za-z+/_-]{43}=$`)

// screenArgs refuses secrets among the arguments: other users of the machine see
// them in the list of processes, and the shell keeps them in its history. The
// error does not repeat the value. What follows "--" belongs to another program.
func screenArgs(args []string) error {
	own := ownArgs(args)
	for i, arg := range own {
		if keyShape.MatchString(arg) {
			return withHint(usagef("argument %d looks like a key; secrets are not taken as arguments, because every process of the machine can see them", i+1),
				"put the key into a file and name that with --key-file; then make another key, tokenkeep store rotate-key, because this one was seen")
		}
		if !looksSecret(arg, previous(own, i)) {
			continue
		}
		return withHint(usagef("argument %d looks like a token; secrets are not taken as arguments, because every process of the machine can see them", i+1),
			"give it on standard input: tokenkeep login --with-refresh-token - < FILE, or --self-client; then treat this one as leaked: revoke it")
	}
	return nil
}

func previous(args []string, i int) string {
	if i == 0 {
		return ""
	}
	return args[i-1]
}

func looksSecret(arg, before string) bool {
	if tokenShape.MatchString(arg) {
		return true
	}
	return strings.HasPrefix(arg, "1000.") && !slices.Contains([]string{"--client-id", "--client"}, before)
}
