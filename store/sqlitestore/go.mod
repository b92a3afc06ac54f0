module github.com/tokenkeep/tokenkeep/store/sqlitestore

go 1.26.0

require github.com/tokenkeep/tokenkeep v0.0.0

replace github.com/tokenkeep/tokenkeep => ../..
