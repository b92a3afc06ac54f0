module github.com/tokenkeep/tokenkeep

go 1.26.0

require (
	github.com/gofrs/flock v0.13.2
	golang.org/x/oauth2 v0.37.0
	golang.org/x/sync v0.25.0
)

require golang.org/x/sys v0.50.0 // indirect
