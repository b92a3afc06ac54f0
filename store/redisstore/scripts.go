package redisstore

import (
	_ "embed" // the scripts
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
)

// The scripts, each atomic on the server.
var (
	//go:embed lua/common.lua
	luaCommon string
	//go:embed lua/find.lua
	luaFind string
	//go:embed lua/missing.lua
	luaMissing string
	//go:embed lua/save.lua
	luaSave string
	//go:embed lua/delete.lua
	luaDelete string
	//go:embed lua/clear.lua
	luaClear string
	//go:embed lua/page.lua
	luaPage string
	//go:embed lua/ping.lua
	luaPing string
	//go:embed lua/append.lua
	luaAppend string
)

type scripts struct {
	find, save, remove, clear, page, ping, append *redis.Script
}

func newScripts() scripts {
	script := func(source string) *redis.Script { return redis.NewScript(luaCommon + source) }
	return scripts{
		find: redis.NewScript(luaFind + luaCommon + luaMissing), save: script(luaSave), remove: script(luaDelete),
		clear: script(luaClear), page: script(luaPage), ping: script(luaPing),
		append: redis.NewScript(luaAppend),
	}
}

// A reply is what a script returns: a word and what it says.
type reply struct {
	word string
	rest []string
}

// newReply reads the value of a script.
func newReply(value any) (reply, error) {
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		return reply{}, fmt.Errorf("redisstore: a script returned %T", value)
	}
	words := make([]string, len(list))
	for i, v := range list {
		if words[i], ok = v.(string); !ok {
			return reply{}, fmt.Errorf("redisstore: a script returned %T in a list", v)
		}
	}
	return reply{words[0], words[1:]}, nil
}

// refusal returns the error of a script that found the store unfit.
func (r reply) refusal(keys []string) error {
	switch r.word {
	case "schema":
		return fmt.Errorf("%w: the key %s says schema %s, this version knows 1; use a newer version of tokenkeep", tokenkeep.ErrSchema, keys[2], r.rest[0])
	case "torn":
		return fmt.Errorf("%w: there are rows in %s, but %s or %s is gone, by eviction or by hand; restore the keys from a backup, or delete all tokens and log in again",
			tokenkeep.ErrCorrupt, keys[0], keys[1], keys[2])
	case "damaged":
		return damaged(r.rest[0])
	case "newer":
		return newer(r.rest[0])
	case "counter":
		return fmt.Errorf("%w: the field last of %s is not the last id that was given, of ten digits; set it to that", tokenkeep.ErrCorrupt, keys[2])
	}
	return nil
}
