package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// issuersFile is a file with issuers, each with more lines of its own.
func issuersFile(t *testing.T, issuers map[string]string) string {
	t.Helper()
	var text strings.Builder
	for issuer, more := range issuers {
		fmt.Fprintf(&text, "- issuer: %s\n  audience: reeve\n%s", issuer, more)
	}
	path := filepath.Join(t.TempDir(), "issuers.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// believes starts a server again, which then believes issuers that vouch for nodes.
// Nobody answers there: they are named only.
func (m *manor) believes(issuers map[string]string) {
	m.t.Helper()
	lines := map[string]string{}
	for issuer, node := range issuers {
		lines[issuer] = "  node: " + node + "\n"
	}
	c := m.Config
	c.IssuersFile = issuersFile(m.t, lines)
	m.halt(m.t)
	if err := m.again(m.t, c); err != nil {
		m.t.Fatal(err)
	}
	m.ready()
}

func TestTheFileOfIssuers(t *testing.T) {
	for name, c := range map[string]struct{ more, wrong string }{
		"of the platform":        {"", ""},
		"of a tenant":            {"  node: " + uuid.NewString() + "\n", ""},
		"of no node":             {"  node: somewhere\n", "UUID"},
		"without a permission":   {"  scopes: [nothing:much]\n", "is no permission"},
		"twice":                  {"- issuer: https://127.0.0.1:1\n  audience: other\n", "is there twice"},
		"with what nobody knows": {"  tenant: x\n", "tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := admission{IssuersFile: issuersFile(t, map[string]string{"https://127.0.0.1:1": c.more})}.issuers(func(string) func(error) { return nil })
			if c.wrong == "" && (err != nil || len(list) != 1) || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Error(list, err)
			}
		})
	}
}

// That nobody can sign in by an issuer is no secret to whoever looks after the server.
func TestAnIssuerThatDoesNotAnswerIsHeardOf(t *testing.T) {
	m := newManor(t)
	m.believes(map[string]string{"https://127.0.0.1:1": "platform"})
	figure := `reeve_issuer_key_fetches_total{issuer="https://127.0.0.1:1",result="failed"} `
	for deadline := time.Now().Add(20 * time.Second); ; {
		r, err := http.Get("http://" + m.AdminAddr + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if strings.Contains(string(text), figure) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is counted")
		}
	}
	var said strings.Builder
	s := &server{meter: newMeter(), log: slog.New(slog.NewTextHandler(&said, nil))}
	ended := s.keysFetched("https://a.example")
	for _, err := range []error{nil, io.EOF, io.EOF, nil, nil} {
		ended(err)
	}
	if lines := strings.Split(said.String(), "\n"); len(lines) != 3 || !strings.Contains(lines[0], "EOF") || !strings.Contains(lines[1], "again") {
		t.Error(said.String())
	}
}

// Nobody takes an identity that may be somebody else's: who links one must have all
// users in its care that the issuer vouches for.
func TestNobodyTakesTheIdentityOfAnother(t *testing.T) {
	m := newManor(t)
	const platforms, partners, tenants, others = "https://127.0.0.1:1", "https://127.0.0.1:2", "https://127.0.0.1:3", "https://127.0.0.1:4"
	m.believes(map[string]string{platforms: "platform", partners: m.mine["integrator"], tenants: m.mine["tenant"], others: m.theirs["integrator"]})
	admin := m.client("platform", domain.PermissionsOf(domain.AllPermissions...))
	for i, c := range []struct {
		who, issuer, code string // none if it is linked
	}{
		{m.callers["tenant"], platforms, "identity-linked-above"},
		{m.callers["tenant"], partners, "identity-linked-above"},
		{m.callers["tenant"], tenants, ""},
		{m.callers["tenant"], others, "unknown-issuer"},
		{m.callers["tenant"], "https://unheard.example", "unknown-issuer"},
		{m.callers["partner"], platforms, "identity-linked-above"},
		{m.callers["partner"], partners, ""},
		{m.callers["partner"], tenants, ""},
		{admin, platforms, ""},
		{admin, partners, ""},
		{admin, others, "unknown-issuer"},
	} {
		invited := m.as(c.who, "POST", "/v1/users", fmt.Sprintf(`{"home":%q,"login":"u%d@example.com"}`, m.mine["tenant"], i)).ID
		identity := func(subject string) string {
			return fmt.Sprintf(`{"issuer":%q,"subject":"%s%d"}`, c.issuer, subject, i)
		}
		for name, p := range map[string]probe{
			"activated": {path: "/v1/users/" + invited + "/activate", body: `{"identity":` + identity("u") + `}`},
			"invited":   {path: "/v1/users", body: fmt.Sprintf(`{"home":%q,"login":"v%d@example.com","identity":%s}`, m.mine["tenant"], i, identity("v"))},
			"over GraphQL": {path: "/graphql", graphQL: true, body: fmt.Sprintf(`{"query":"mutation($i: InviteUserInput!) { inviteUser(input: $i) { id } }","variables":{"i":{"home":%q,"login":"w%d@example.com","identity":%s}}}`,
				m.mine["tenant"], i, identity("w"))},
		} {
			facts := m.all()
			p.method = "POST"
			_, _, body := m.ask(c.who, p)
			code := codeOf(body)
			if p.graphQL {
				code, _ = graphCode(p, body)
			}
			if code != c.code {
				t.Errorf("%d, %s: %s, want %q", i, name, body, c.code)
			}
			if now := m.all(); (now == facts) != (c.code != "") {
				t.Errorf("%d, %s: the log went from %d facts to %d", i, name, facts, now)
			}
		}
	}
}
