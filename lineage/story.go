package lineage

import (
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A State is how a login stands now.
type State string

// The states.
const (
	// Working: nothing is wrong with the login.
	Working State = "working"
	// Refused: the API refused the access token; the login itself is good.
	Refused State = "refused"
	// Throttled: the provider mints no access tokens for now.
	Throttled State = "throttled"
	// Retrying: the provider, the network or the store failed; it is tried again.
	Retrying State = "retrying"
	// Misconfigured: the client app's settings are wrong; the login is intact.
	Misconfigured State = "misconfigured"
	// LoginNeeded: the login is dead; the user has to log in again.
	LoginNeeded State = "login_needed"
	// InDoubt: the answer of a rotating provider was lost; the user has to log in again.
	InDoubt State = "in_doubt"
	// Gone: the login is not in the store any more.
	Gone State = "gone"
)

// A Cause says what led to a state. Programs can rely on the values.
type Cause string

// The causes.
const (
	// Fine: nothing happened.
	Fine Cause = "fine"
	// AccessRefused: the API refused an access token before its time.
	AccessRefused Cause = "access_refused"
	// TooManyMints: more access tokens were asked for than the provider allows.
	TooManyMints Cause = "too_many_mints"
	// Outage: the provider, the network or the store failed.
	Outage Cause = "outage"
	// WrongClient: the provider does not accept the client app's id, secret or data
	// centre as this store's programs have them.
	WrongClient Cause = "wrong_client"
	// LoggedOut: the user, or a program on the user's behalf, logged out.
	LoggedOut Cause = "logged_out"
	// RevokedByOperator: somebody else revoked the login.
	RevokedByOperator Cause = "revoked_by_operator"
	// DeletedByOperator: somebody deleted the login from the store.
	DeletedByOperator Cause = "deleted_by_operator"
	// CleanedUp: the login was of no use any more, and [tokenkeep.Keeper.Reap] removed it.
	CleanedUp Cause = "cleaned_up"
	// Unfinished: somebody began to end the login and did not come to the end.
	Unfinished Cause = "unfinished"
	// Replaced: a newer login in this store replaced this one and revoked it.
	Replaced Cause = "replaced"
	// Vanished: the row is gone, and nothing of tokenkeep deleted it.
	Vanished Cause = "vanished"
	// Overwritten: another program replaced the refresh token in the row.
	Overwritten Cause = "overwritten"
	// NeverWorked: the refresh token was dead or foreign when it came into the store.
	NeverWorked Cause = "never_worked"
	// Evicted: a login beyond the provider's limit pushed this one out.
	Evicted Cause = "evicted"
	// PasswordChanged: the user changed the password and ended all API tokens.
	PasswordChanged Cause = "password_changed"
	// AppRemoved: the user removed the client app from the account.
	AppRemoved Cause = "app_removed"
	// ClientDeleted: the client app was deleted or changed at the provider.
	ClientDeleted Cause = "client_deleted"
	// RevokedElsewhere: a program or person outside of this store revoked it.
	RevokedElsewhere Cause = "revoked_elsewhere"
	// AnswerLost: a rotating provider's answer was lost with the only good token in it.
	AnswerLost Cause = "answer_lost"
	// Expired: the login came to the end that the policy of this store sets.
	Expired Cause = "expired"
	// NoRefreshToken: the login has none, and its access token is spent.
	NoRefreshToken Cause = "no_refresh_token"
	// Unsaved: a token or login was made and the store did not take it.
	Unsaved Cause = "unsaved"
	// Unknown: the row says what happened, and nothing says why.
	Unknown Cause = "unknown"
)

// A Certainty says how much the evidence is worth.
type Certainty string

// The certainties.
const (
	Sure     Certainty = "sure"
	Likely   Certainty = "likely"
	Possible Certainty = "possible"
)

// weight orders certainties.
func (c Certainty) weight() int {
	switch c {
	case Sure:
		return 2
	case Likely:
		return 1
	case Possible:
	}
	return 0
}

// A Verdict is one answer to "why".
type Verdict struct {
	Cause     Cause     `json:"cause"`
	Certainty Certainty `json:"certainty"`
	// Past is set when it is about an earlier login, and the present one works.
	Past bool `json:"past,omitempty"`
	// Summary is a sentence for people.
	Summary string `json:"summary"`
	// Evidence is what speaks for it, a sentence without a full stop each.
	Evidence []string `json:"evidence"`
}

// An Exclusion is a cause that the evidence speaks against, and what does.
type Exclusion struct {
	Cause Cause  `json:"cause"`
	Why   string `json:"why"`
}

// A Moment is one entry of the time line.
type Moment struct {
	// Time is when it happened, or when the first of Count things did.
	Time time.Time `json:"time"`
	// Last is when the last of Count things happened.
	Last  time.Time           `json:"last,omitzero"`
	Kind  tokenkeep.EventKind `json:"kind"`
	Class tokenkeep.Class     `json:"class,omitempty"`
	// What says it in words.
	What string `json:"what"`
	// Detail is the reason that was recorded, if there is one.
	Detail string `json:"detail,omitempty"`
	// Count is how many things of this kind happened one after another.
	Count int `json:"count"`
	// Processes did it, each as "host:pid".
	Processes []string `json:"processes,omitempty"`
	// Actor asked for it.
	Actor string `json:"actor,omitempty"`
	// Login is the mark of the login; see [tokenkeep.LoginMark].
	Login string `json:"login,omitempty"`
}

// A Story says how a login stands, why, what happened, and what to do. It holds no
// secret.
type Story struct {
	User       string `json:"user"`
	TokenID    string `json:"token_id,omitempty"`
	ClientID   string `json:"client_id,omitempty"`
	DataCentre string `json:"dc,omitempty"`
	// Login is the mark of the login that the story is about.
	Login string `json:"login,omitempty"`

	State State `json:"state"`
	// Since is when it came into the state, as far as that is known.
	Since time.Time `json:"since,omitzero"`
	// Until is when asking again makes sense, for Throttled and Retrying.
	Until time.Time `json:"until,omitzero"`
	// Reason is what the row remembers.
	Reason string `json:"reason,omitempty"`
	// Ended is when the login died, for one that did.
	Ended Ending `json:"ended,omitzero"`

	// Verdicts are in the order of their likelihood; there is at least one.
	Verdicts []Verdict   `json:"verdicts"`
	Excluded []Exclusion `json:"excluded"`
	TimeLine []Moment    `json:"time_line"`
	// Next are the steps that help, the first one first.
	Next []string `json:"next"`
	// Notes say what the evidence lacks.
	Notes []string `json:"notes"`
}

// An Ending is when a login died: somewhere between two times.
type Ending struct {
	// Worked is when the login was last seen to work. Zero: nobody knows.
	Worked time.Time `json:"worked,omitzero"`
	// Found is when it was found dead. Zero: it was not.
	Found time.Time `json:"found,omitzero"`
}
