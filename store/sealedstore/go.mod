module github.com/tokenkeep/tokenkeep/store/sealedstore

go 1.26.0

replace (
	github.com/tokenkeep/tokenkeep => ../..
	github.com/tokenkeep/tokenkeep/store/sqlitestore => ../sqlitestore
)

require (
	github.com/gofrs/flock v0.13.2
	github.com/tink-crypto/tink-go/v2 v2.9.0
	github.com/tokenkeep/tokenkeep v0.0.0
	github.com/tokenkeep/tokenkeep/store/sqlitestore v0.0.0
	github.com/zalando/go-keyring v0.2.8
	golang.org/x/sync v0.25.0
)

require (
	github.com/danieljoos/wincred v1.2.3 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/godbus/dbus/v5 v5.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	golang.org/x/crypto v0.53.0 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
	modernc.org/libc v1.80.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
	modernc.org/sqlite v1.62.0 // indirect
)
