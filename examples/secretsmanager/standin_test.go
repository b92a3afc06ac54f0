package secretsmanager_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A standIn speaks as much of AWS Secrets Manager as the store needs, with the
// rules of its API reference (docs.aws.amazon.com/secretsmanager/latest/apireference):
// a version's id is the ClientRequestToken, of 32 to 64 characters, and a version
// cannot be changed; a value has at most 65,536 bytes; a deleted secret keeps its
// name until its recovery window ends.
//
// It differs in what it cannot know: its reads are consistent, unless stale says
// how many of them still see the version before.
type standIn struct {
	stale int

	mu      sync.Mutex // guards what follows
	secrets map[string]*standInSecret
	calls   map[string]int
}

type standInSecret struct {
	versions []standInVersion
	deleted  bool
	unseen   int // reads that do not see the newest version yet
}

type standInVersion struct{ id, value string }

// A standInRequest has the parameters of all actions.
type standInRequest struct {
	Name, SecretId, ClientRequestToken, SecretString string
	RecoveryWindowInDays                             int
}

func newStandIn(tb testing.TB, stale int) (*standIn, string) {
	tb.Helper()
	f := &standIn{stale: stale, secrets: map[string]*standInSecret{}, calls: map[string]int{}}
	srv := httptest.NewServer(f)
	tb.Cleanup(srv.Close)
	return f, srv.URL
}

// sent returns how many requests there were: of one action, or of all for "".
func (f *standIn) sent(action string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for a, calls := range f.calls {
		if action == "" || a == action {
			n += calls
		}
	}
	return n
}

// changeByHand makes a version of a secret as the console does.
func (f *standIn) changeByHand(name, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.secrets[name]
	s.versions = append(s.versions, standInVersion{"7b0e4a6e-1c1d-4c62-8f36-6f0d1f2b9d3e", value})
}

func (f *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in standInRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, "SerializationException")
		return
	}
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[action]++
	switch action {
	case "CreateSecret":
		f.create(w, in)
	case "PutSecretValue":
		f.put(w, in)
	case "GetSecretValue":
		f.get(w, in)
	case "DeleteSecret":
		f.remove(w, in)
	default:
		refuse(w, "InvalidAction")
	}
}

func (f *standIn) create(w http.ResponseWriter, in standInRequest) {
	s := f.secrets[in.Name]
	switch {
	case s == nil:
		s = &standInSecret{}
		if s.add(w, in, f.stale) {
			f.secrets[in.Name] = s
		}
	case s.deleted:
		refuse(w, "InvalidRequestException")
	case s.versions[0] == standInVersion{in.ClientRequestToken, in.SecretString}:
		answer(w, map[string]string{"Name": in.Name, "VersionId": in.ClientRequestToken})
	default:
		refuse(w, "ResourceExistsException")
	}
}

func (f *standIn) put(w http.ResponseWriter, in standInRequest) {
	if s := f.find(w, in); s != nil {
		s.add(w, in, f.stale)
	}
}

// find returns the secret, or answers why not.
func (f *standIn) find(w http.ResponseWriter, in standInRequest) *standInSecret {
	s := f.secrets[in.SecretId]
	switch {
	case s == nil:
		refuse(w, "ResourceNotFoundException")
		return nil
	case s.deleted:
		refuse(w, "InvalidRequestException")
		return nil
	}
	return s
}

// add makes a version, and reports whether it did.
func (s *standInSecret) add(w http.ResponseWriter, in standInRequest, stale int) bool {
	v := standInVersion{in.ClientRequestToken, in.SecretString}
	if len(v.id) < 32 || len(v.id) > 64 || len(v.value) > 65_536 {
		refuse(w, "InvalidParameterException")
		return false
	}
	for _, old := range s.versions {
		if old.id == v.id && old.value != v.value {
			refuse(w, "ResourceExistsException")
			return false
		}
		if old.id == v.id { // asked again: done already
			answer(w, map[string]string{"VersionId": v.id})
			return false
		}
	}
	s.versions, s.unseen = append(s.versions, v), stale
	answer(w, map[string]string{"VersionId": v.id})
	return true
}

func (f *standIn) get(w http.ResponseWriter, in standInRequest) {
	s := f.find(w, in)
	if s == nil {
		return
	}
	n := len(s.versions) - 1
	if s.unseen > 0 {
		s.unseen--
		n--
	}
	if n < 0 {
		refuse(w, "ResourceNotFoundException")
		return
	}
	answer(w, map[string]string{"Name": in.SecretId, "VersionId": s.versions[n].id, "SecretString": s.versions[n].value})
}

func (f *standIn) remove(w http.ResponseWriter, in standInRequest) {
	if in.RecoveryWindowInDays < 7 || in.RecoveryWindowInDays > 30 {
		refuse(w, "InvalidParameterException")
		return
	}
	if s := f.find(w, in); s != nil {
		s.deleted = true
		answer(w, map[string]string{"Name": in.SecretId})
	}
}

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func refuse(w http.ResponseWriter, reason string) {
	w.WriteHeader(http.StatusBadRequest)
	answer(w, map[string]string{"__type": reason, "Message": "the stand-in refuses"})
}
