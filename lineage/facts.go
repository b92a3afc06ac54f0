package lineage

import (
	"cmp"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// Facts are what a [Story] is told from. [Gather] reads them from a store.
type Facts struct {
	// User is whom the question is about, as the login is named.
	User string
	// Row is the login as it is stored; nil when it is not there any more.
	Row *tokenkeep.Token
	// Events is the history of the login and of its predecessors, oldest first.
	Events []tokenkeep.Event
	// Neighbours are other logins of the same user or of the same client app.
	Neighbours []Neighbour
	// Recorded is set when the store keeps a history,
	Recorded bool
	// and Begins is when that begins. Zero: it is empty.
	Begins time.Time
	// Bounded is set when there was more to read than was allowed.
	Bounded bool
	// Limits are those of the provider.
	Limits tokenkeep.Limits
	// Policy is that of the programs that use the store, as far as it is known.
	Policy tokenkeep.Policy
	// Provider is what to call it in sentences. Default: "the provider".
	Provider string
	// Now is the time of the question. Times in sentences are in its zone.
	Now time.Time
}

// A Neighbour is what is known of another login in the store.
type Neighbour struct {
	TokenID, UserName, ClientID, DataCentre string
	// LoggedIn is when its present login was made. Zero: nobody knows.
	LoggedIn time.Time
	// Since is when the present login is known to have existed at the latest: LoggedIn,
	// or the beginning of a history that has no login of it. Zero: nobody knows.
	Since time.Time
	// Worked is when its present login was last seen to work.
	Worked time.Time
	// Ended is when a login of it died of an unknown cause last; it may have a new one.
	Ended Ending
	// Class is what is wrong with it now.
	Class tokenkeep.Class

	login   string // its mark, as it was seen last,
	foreign bool   // whether another program brought it,
	revoked string // and the mark of the login that was revoked last
}

// name is what to call the neighbour in a sentence.
func (n Neighbour) name() string { return cmp.Or(n.UserName, "token "+n.TokenID) }

// SameUser reports whether two names of logins belong to one person: they are equal,
// or are "<email>:<zgid>" of several organisations.
func SameUser(a, b string) bool {
	return a != "" && strings.EqualFold(tokenkeep.EmailOf(a), tokenkeep.EmailOf(b))
}

// process returns "host:pid" of an owner, which has random parts after that.
func process(owner string) string {
	parts := strings.SplitN(owner, ":", 3)
	if len(parts) < 2 {
		return owner
	}
	return parts[0] + ":" + parts[1]
}

// host returns the host of an owner.
func host(owner string) string {
	name, _, _ := strings.Cut(owner, ":")
	return name
}

// proves reports whether e shows that the refresh token worked at its time.
func proves(e tokenkeep.Event) bool {
	switch e.Kind {
	case tokenkeep.LoggedIn, tokenkeep.Refreshed, tokenkeep.Rescued:
		return true
	default:
		return false
	}
}

// kills reports whether e found a login dead.
func kills(e tokenkeep.Event) bool {
	return e.Kind == tokenkeep.Failed && (e.Class == tokenkeep.NeedsLogin || e.Class == tokenkeep.InDoubt)
}
