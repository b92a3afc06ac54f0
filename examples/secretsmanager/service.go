package secretsmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// maxValue is how many bytes a secret holds.
const maxValue = 65_536

// versionPrefix makes the ids of versions as long as the service wants them: 32
// to 64 characters.
const versionPrefix = "tokenkeep-version-"

// get reads the current value of a secret into v and returns its version, or
// ErrNotFound.
func (s *Store) get(ctx context.Context, name string, v any) (version int64, err error) {
	var answer struct{ VersionID, SecretString string } // JSON names match in any case
	err = s.call(ctx, "GetSecretValue", map[string]any{"SecretId": s.Prefix + name}, &answer)
	if refused(err, "ResourceNotFoundException", "InvalidRequestException") { // gone, or about to be
		return 0, tokenkeep.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	n, found := strings.CutPrefix(answer.VersionID, versionPrefix)
	version, err = strconv.ParseInt(n, 10, 64)
	if !found || err != nil || json.Unmarshal([]byte(answer.SecretString), v) != nil {
		return 0, fmt.Errorf("%w: another program wrote version %q of secret %s", tokenkeep.ErrCorrupt, answer.VersionID, s.Prefix+name)
	}
	return version, nil
}

// put makes v the given version of a secret. If that version was made already, or
// the secret deleted, it returns ErrConflict.
func (s *Store) put(ctx context.Context, name string, version int64, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(text) > maxValue {
		return fmt.Errorf("%w: it has %d bytes, and a secret holds %d", tokenkeep.ErrInvalid, len(text), maxValue)
	}
	action, key := "PutSecretValue", "SecretId"
	if version == 1 {
		action, key = "CreateSecret", "Name"
	}
	err = s.call(ctx, action, map[string]any{
		key: s.Prefix + name, "SecretString": string(text),
		"ClientRequestToken": fmt.Sprintf("%s%014d", versionPrefix, version), // becomes the version's id
	}, &struct{}{})
	if refused(err, "ResourceExistsException", "ResourceNotFoundException", "InvalidRequestException") {
		return tokenkeep.ErrConflict
	}
	return err
}

// drop deletes a secret.
func (s *Store) drop(ctx context.Context, name string) error {
	err := s.call(ctx, "DeleteSecret", map[string]any{"SecretId": s.Prefix + name, "RecoveryWindowInDays": 7}, &struct{}{})
	if refused(err, "ResourceNotFoundException", "InvalidRequestException") {
		return tokenkeep.ErrNotFound
	}
	return err
}

// call makes one request: the action is in a header, parameters and answer are
// JSON.
func (s *Store) call(ctx context.Context, action string, params, answer any) error {
	body, err := json.Marshal(params)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "secretsmanager."+action)
	if s.Sign != nil {
		if err := s.Sign(req); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		e := &refusal{action: action, Type: resp.Status}
		_ = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(e) // what is no JSON leaves the status
		e.Type = e.Type[strings.LastIndexByte(e.Type, '#')+1:]
		return e
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// A refusal is an error that the service answers with.
type refusal struct {
	action  string
	Type    string `json:"__type"`
	Message string `json:"Message"`
}

func (e *refusal) Error() string { return e.action + ": " + e.Type + ": " + e.Message }

// refused reports whether err is a refusal of one of these types.
func refused(err error, types ...string) bool {
	e, ok := errors.AsType[*refusal](err)
	return ok && slices.Contains(types, e.Type)
}
