package main

import (
	"path/filepath"
	"testing"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

// appointed makes a test the first administrator of a server, and returns a token.
func appointed(t testing.TB, s *server) string {
	t.Helper()
	token, _ := appointedAs(t, s)
	return token
}

func appointedAs(t testing.TB, s *server) (token, id string) {
	t.Helper()
	who, err := newCredentials(filepath.Join(t.TempDir(), "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	m := commands.SystemRequest("a test").Meta
	receipt, err := commands.Appoint(t.Context(), s.ledger, domain.ClientID(who.ClientID), "test", who.ClientSecret, m)
	if err == nil {
		err = s.mirror.Await(t.Context(), receipt.Position)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tokenOf(t, s, who), who.ClientID
}

func tokenOf(t testing.TB, s *server, who verbs.Credentials) string {
	t.Helper()
	token, err := verbs.NewClient("http://" + s.HTTPAddr).SignIn(who).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// appoint makes a test the first administrator of a process, as an operator would,
// unless it is that already.
func (p *process) appoint() {
	p.t.Helper()
	if p.token == "" {
		p.verb("bootstrap")
	}
	p.mint()
}

// mint gets a token with the credentials that are there.
func (p *process) mint() {
	p.t.Helper()
	p.token = string(trimmed(p.verb("token", "mint")))
}

func trimmed(line []byte) []byte {
	for len(line) > 0 && line[len(line)-1] == '\n' {
		line = line[:len(line)-1]
	}
	return line
}
