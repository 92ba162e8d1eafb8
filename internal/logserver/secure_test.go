package logserver_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"golang.org/x/crypto/bcrypt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/reeve-platform/reeve/internal/logserver"
	"github.com/reeve-platform/reeve/internal/renewal/renewaltest"
)

// people is a users file; everybody's password is the name twice.
var people = map[string]string{"root": "$admins", "op": "$ops", "ann": "", "bob": "readers", "eve": "writers"}

func password(name string) string { return name + name }

func userLine(name, groups string) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password(name)), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	return strings.TrimSuffix(name+":"+string(hash)+":"+groups, ":") + "\n"
}

// A fort is a server with TLS and users.
type fort struct {
	*world
	users, ca string // files
	pool      *x509.CertPool
	conn      *grpc.ClientConn
}

// fortify serves an empty directory with the people above. Its client is root.
func fortify(t *testing.T, change func(*logserver.Options)) *fort {
	t.Helper()
	dir := t.TempDir()
	f := &fort{users: filepath.Join(dir, "users"), ca: filepath.Join(dir, "cert.pem")}
	text := "# people\n\n"
	for name, groups := range people {
		text += userLine(name, groups)
	}
	write(t, f.users, text)
	f.pool = renewaltest.Certify(t, dir, "localhost")
	o := logserver.Options{Dir: filepath.Join(dir, "log"), Addr: "localhost:0", Security: logserver.Security{
		CertFile: f.ca, KeyFile: filepath.Join(dir, "key.pem"), UsersFile: f.users}}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	f.world = &world{T: t, ctx: ctx, server: serveWith(t, o)}
	f.client = connect(t, f.url("root"))
	f.conn = f.dial("localhost")
	return f
}

func serveWith(t testing.TB, o logserver.Options) *logserver.Server {
	t.Helper()
	s, err := logserver.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// url is what somebody puts into the official client.
func (f *fort) url(user string) string {
	who := user + ":" + password(user) + "@"
	if user == "" {
		who = ""
	}
	return strings.Replace(f.server.URL(), "esdb://", "esdb://"+who, 1) + "&tlsCAFile=" + f.ca
}

func (f *fort) dial(name string) *grpc.ClientConn {
	f.Helper()
	conn, err := grpc.NewClient(f.server.Addr(), grpc.WithTransportCredentials(
		credentials.NewTLS(&tls.Config{RootCAs: f.pool, ServerName: name})))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = conn.Close() })
	return conn
}

// as is a context for calls with the bare stub; nobody's name is empty.
func (f *fort) as(user string) context.Context {
	if user == "" {
		return f.ctx
	}
	return f.with(basic(user, password(user)))
}

func (f *fort) with(header string) context.Context {
	return metadata.AppendToOutgoingContext(f.ctx, "authorization", header)
}

func (f *fort) raw() streams.StreamsClient { return streams.NewStreamsClient(f.conn) }

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
