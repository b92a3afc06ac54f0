package sealedstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/tokenkeep/tokenkeep"
)

// A Source is where the text of a key ring is kept: keys in base64, one a line or
// between commas, of which the first seals and all open; or one cleartext Tink
// keyset in JSON. Lines that begin with # are comments.
//
// A source that can be changed by [Store.Rotate] and [Store.Retire] is also an
// [Updater].
type Source interface {
	// Read returns the text. It must end when ctx does. The error must not hold
	// any of it.
	Read(ctx context.Context) (tokenkeep.Secret, error)
	// String names the source in messages, such as "the key file /etc/app/key".
	String() string
}

// An Updater is a Source that can be written.
type Updater interface {
	// Update writes what edit returns for the present text, such that no other
	// process's update is lost and a reader sees either text whole. The new text
	// is on stable storage when it returns.
	Update(ctx context.Context, edit func(text string) (string, error)) error
}

// maxKeyText is the longest text of a key ring.
const maxKeyText = 64 << 10

// errEmpty says that a source has no text.
var errEmpty = errors.New("it is empty")

type envSource struct{ name string }

// KeyEnv returns the source that is the environment variable name. What a process
// sees of it never changes: after a rotation, restart it.
func KeyEnv(name string) Source { return envSource{name} }

func (s envSource) String() string { return "the environment variable " + s.name }

func (s envSource) Read(context.Context) (tokenkeep.Secret, error) {
	v := os.Getenv(s.name)
	if strings.TrimSpace(v) == "" {
		return tokenkeep.Secret{}, errEmpty
	}
	return tokenkeep.NewSecret(v), nil
}

// commandTime bounds the run of a command.
const commandTime = 10 * time.Second

type commandSource struct{ argv []string }

// KeyCommand returns the source that is the standard output of a command, such as
// the client of a secret manager. It is run without a shell, with the environment
// of this process and no input, for 10 seconds at most.
func KeyCommand(argv ...string) Source { return commandSource{argv} }

func (s commandSource) String() string {
	if len(s.argv) == 0 {
		return "the key command"
	}
	return "the key command " + s.argv[0] // not its arguments: who knows what they are
}

func (s commandSource) Read(ctx context.Context) (tokenkeep.Secret, error) {
	if len(s.argv) == 0 {
		return tokenkeep.Secret{}, errors.New("no command is given")
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.argv[0], s.argv[1:]...) //nolint:gosec // the operator's own command
	cmd.WaitDelay = time.Second
	var out limited
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return tokenkeep.Secret{}, fmt.Errorf("it failed: %w; run it by hand to see why", err)
	}
	if len(bytes.TrimSpace(out.buf.Bytes())) == 0 {
		return tokenkeep.Secret{}, errEmpty
	}
	return tokenkeep.NewSecret(out.buf.String()), nil
}

// A limited buffer refuses what no key ring is as long as.
type limited struct{ buf bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.buf.Len()+len(p) > maxKeyText {
		return 0, io.ErrShortBuffer
	}
	return l.buf.Write(p)
}

// osTime bounds a call of the system's keyring, which may wait for a person.
const osTime = 3 * time.Second

type osSource struct{ service, account string }

// KeyOS returns the source that is an entry of the system's keyring: Keychain on
// macOS, Credential Manager on Windows, Secret Service elsewhere. Only the key is
// kept there, never a token. A keyring that does not answer in 3 seconds, because
// it is locked or waits for a person, counts as failed; the call that waits for it
// ends when the keyring answers.
//
// The keyring cannot compare and swap: rotate from one process at a time.
func KeyOS(service, account string) Source { return osSource{service, account} }

func (s osSource) String() string {
	return fmt.Sprintf("the entry %s/%s of the system's keyring", s.service, s.account)
}

func (s osSource) Read(ctx context.Context) (tokenkeep.Secret, error) {
	text, err := bounded(ctx, func() (string, error) { return keyring.Get(s.service, s.account) })
	return tokenkeep.NewSecret(text), err
}

func (s osSource) Update(ctx context.Context, edit func(string) (string, error)) error {
	text, err := s.Read(ctx)
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return err
	}
	next, err := edit(text.Reveal())
	if err != nil {
		return err
	}
	_, err = bounded(ctx, func() (string, error) { return "", keyring.Set(s.service, s.account, next) })
	if err != nil {
		return err
	}
	if now, err := s.Read(ctx); err != nil || now.Reveal() != next {
		return errors.New("it was changed by another process at the same moment, or does not keep what is written")
	}
	return nil
}

// bounded runs f, which knows no context, for osTime at most.
func bounded(ctx context.Context, f func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	ctx, cancel := context.WithTimeout(ctx, osTime)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		text, err := f()
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		return a.text, a.err
	case <-ctx.Done():
		return "", fmt.Errorf("it did not answer: %w", context.Cause(ctx))
	}
}
