package demo

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// playLogin logs both users in by the authorization code flow. Both begin at the
// US server; Zoho sends the one who lives in Europe on.
func playLogin(ctx context.Context, st *stage) error {
	before := st.fake.Counters()
	for _, u := range []*user{st.ann, st.bo} {
		if err := st.login(ctx, u); err != nil {
			return err
		}
	}
	return st.claimKept(st.since(before))
}

func (st *stage) login(ctx context.Context, u *user) error {
	auth, err := st.provider.Authorize(zoho.AuthorizeOptions{})
	if err != nil {
		return err
	}
	back, err := newBrowser(st.way).consent(ctx, auth.URL, u.email)
	if err != nil {
		return err
	}
	grant, err := st.provider.Callback(auth, back)
	if err != nil {
		return err
	}
	if u.session, err = st.keeper.Login(ctx, grant); err != nil {
		return err
	}
	row, err := u.session.Row(ctx)
	if err != nil {
		return err
	}
	u.name, u.id = row.UserName, row.ID
	email, org, _ := strings.Cut(row.UserName, ":")
	who := strings.ReplaceAll(u.email, "@example.com", "")
	st.claim(fmt.Sprintf("%s began at the us server, and Zoho said location=%s; kept as %s, row %s.", u.email, grant.Location, row.UserName, row.ID),
		is(who+"_started_at_us", strings.HasPrefix(auth.URL, st.fake.AccountsURL("us")+"/"), true),
		is(who+"_location", grant.Location, u.dc),
		is(who+"_accounts_server", row.AccountsServer, st.fake.AccountsURL(u.dc)),
		is(who+"_api_domain", row.APIDomain, st.fake.APIDomain(u.dc)),
		is(who+"_email", email, u.email),
		is(who+"_has_organisation", org != "", true),
		is(who+"_has_refresh_token", !row.RefreshToken.IsZero(), true))
	return nil
}

// claimKept tells what the logins cost, where they are, and who can read them.
func (st *stage) claimKept(used zohotest.Counters) error {
	files, open, err := survey(st.dir)
	if err != nil {
		return err
	}
	st.claim(fmt.Sprintf("Each took one code and one request (%d, %d). SQLite keeps them in a private folder: %d files, %d readable by others.", used.Exchanges, used.TokenRequests, files, open),
		is("codes_exchanged", used.Exchanges, 2), is("token_requests", used.TokenRequests, 2),
		atLeast("files", files, 1), is("files_others_can_read", open, 0))
	return nil
}

// survey counts the files in dir, and what other users of the machine could read
// or enter. On Windows the user's profile decides that.
func survey(dir string) (files, open int, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !d.IsDir() {
			files++
		}
		if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			open++
		}
		return nil
	})
	return files, open, err
}
