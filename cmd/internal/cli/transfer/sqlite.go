package transfer

import (
	"context"
	"errors"
)

// readLegacy reads the table oauthtoken of a SQLite file.
func readLegacy(context.Context, string) (*Source, error) {
	return nil, errors.New("SQLite files are not in this build yet")
}
