module github.com/tokenkeep/tokenkeep/cmd

go 1.26.0

require (
	github.com/tokenkeep/tokenkeep v0.0.0
	github.com/tokenkeep/tokenkeep/store/sqlitestore v0.0.0
)

replace (
	github.com/tokenkeep/tokenkeep => ..
	github.com/tokenkeep/tokenkeep/store/sqlitestore => ../store/sqlitestore
)
