package redisstore_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

// encrypted stands before a server and speaks TLS for 127.0.0.1. It returns its
// address and the authority that vouches for it.
func encrypted(t *testing.T, upstream string) (address string, authority *x509.CertPool) {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	authority = x509.NewCertPool()
	authority.AddCert(certified.Certificate())
	settings := &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12}
	certified.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", settings)
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { join(client, upstream) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		conns.Wait()
	})
	return l.Addr().String(), authority
}

// join copies both ways until one side ends.
func join(client net.Conn, upstream string) {
	defer client.Close()
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	pass := func([]byte) bool { return true }
	var up sync.WaitGroup
	up.Go(func() {
		pump(client, server, pass)
		_ = server.Close()
	})
	pump(server, client, pass)
	_ = client.Close()
	up.Wait()
}

func TestTLS(t *testing.T) {
	u, err := url.Parse(sharedServer(t))
	if err != nil {
		t.Fatal(err)
	}
	address, authority := encrypted(t, u.Host)
	_, err = redisstore.Open(t.Context(), "rediss://"+address, nil)
	classified(t, "an unknown authority", err, tokenkeep.Misconfigured)
	_, err = redisstore.Open(t.Context(), "rediss://"+address, &redisstore.Options{TLSConfig: &tls.Config{RootCAs: authority, ServerName: "elsewhere.test", MinVersion: tls.VersionTLS12}})
	classified(t, "a certificate of another host", err, tokenkeep.Misconfigured)
	s, err := redisstore.Open(t.Context(), "rediss://"+address, &redisstore.Options{TLSConfig: &tls.Config{RootCAs: authority, MinVersion: tls.VersionTLS12}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
