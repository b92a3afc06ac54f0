package sealedstore

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A keyring that waits for a person is waited for as long as the documentation says,
// and no longer.
func TestBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, release := time.Now(), make(chan struct{})
		_, err := bounded(t.Context(), func() (string, error) {
			<-release
			return "", nil
		})
		if err == nil || time.Since(begin) != osTime {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		close(release) // the call ends when the keyring answers
		synctest.Wait()
		want := errors.New("locked")
		if _, err := bounded(t.Context(), func() (string, error) { return "", want }); !errors.Is(err, want) {
			t.Errorf("the keyring's own error: %v", err)
		}
	})
}
