// Package sqlitestore keeps tokens in a SQLite database.
package sqlitestore
