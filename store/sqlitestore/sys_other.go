//go:build !unix

package sqlitestore

// syncFolder does nothing: the system has no such operation.
func syncFolder(string) error { return nil }

func isReadOnlyFS(error) bool { return false }
