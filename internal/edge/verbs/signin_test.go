package verbs_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

// A gate gives out tokens for one client, and answers who holds one.
type gate struct {
	*httptest.Server
	given int
	seen  []string
}

func newGate(t *testing.T) *gate {
	g := &gate{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/oauth2/token" {
			g.seen = append(g.seen, r.Header.Get("Authorization"))
			_, _ = w.Write([]byte("{}"))
			return
		}
		if id, secret, _ := r.BasicAuth(); id != "me" || secret != "mine" || r.FormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
			return
		}
		g.given++
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "t", "token_type": "Bearer", "expires_in": 900})
	}))
	t.Cleanup(g.Close)
	return g
}

func credentials(t *testing.T, c verbs.Credentials) string {
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := c.Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSigningIn(t *testing.T) {
	g := newGate(t)
	c, err := verbs.Where{Server: g.URL, Credentials: credentials(t, verbs.Credentials{ClientID: "me", ClientSecret: "mine"})}.Client()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Send(t.Context(), verbs.Call{Method: "GET", Path: "/x"}); err != nil {
			t.Fatal(err)
		}
	}
	if g.given != 1 || len(g.seen) != 2 || g.seen[0] != "Bearer t" || g.seen[1] != "Bearer t" {
		t.Errorf("%d tokens, %q", g.given, g.seen)
	}
}

func TestATokenOfTheEnvironmentComesFirst(t *testing.T) {
	g := newGate(t)
	t.Setenv("REEVE_TOKEN", "given")
	c, err := verbs.Where{Server: g.URL, Credentials: "nowhere"}.Client()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), verbs.Call{Method: "GET", Path: "/x"}); err != nil || g.given != 0 || g.seen[0] != "Bearer given" {
		t.Errorf("%v %d %q", err, g.given, g.seen)
	}
}

func TestWithoutCredentialsOneIsNobody(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := verbs.Where{Server: "x"}.Client()
	if err != nil {
		t.Fatal(err)
	}
	if token, err := c.Token(t.Context()); token != "" || err != nil {
		t.Error(token, err)
	}
}

func TestWrongCredentials(t *testing.T) {
	g := newGate(t)
	c, err := verbs.Where{Server: g.URL, Credentials: credentials(t, verbs.Credentials{ClientID: "me", ClientSecret: "guess"})}.Client()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), verbs.Call{Method: "GET", Path: "/x"}); !errors.Is(err, verbs.ErrSignIn) {
		t.Error(err)
	}
	shared := credentials(t, verbs.Credentials{ClientID: "me", ClientSecret: "mine"})
	if err := os.Chmod(shared, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{shared, credentials(t, verbs.Credentials{ClientID: "me"}), filepath.Join(t.TempDir(), "none")} {
		if _, err := (verbs.Where{Server: g.URL, Credentials: path}).Client(); !errors.Is(err, verbs.ErrCredentials) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
