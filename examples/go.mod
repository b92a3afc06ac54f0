module github.com/tokenkeep/tokenkeep/examples

go 1.26.0

replace (
	github.com/tokenkeep/tokenkeep => ..
	github.com/tokenkeep/tokenkeep/store/sqlitestore => ../store/sqlitestore
)

require github.com/tokenkeep/tokenkeep v0.0.0-00010101000000-000000000000

require (
	golang.org/x/oauth2 v0.37.0 // indirect
	golang.org/x/sync v0.25.0 // indirect
)
