package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/logserver"
)

// halt stops the server and waits for its end.
func (w *world) halt(t *testing.T) {
	t.Helper()
	w.stop()
	if err := w.wait(); err != nil {
		t.Fatal(err)
	}
}

// again starts a server in the place of one that was halted. It listens where that
// one did.
func (w *world) again(t *testing.T, c Config) error {
	t.Helper()
	s, err := start(context.WithoutCancel(t.Context()), c, w.server.log, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		return err
	}
	w.server = s
	t.Cleanup(func() {
		s.stop()
		if err := s.wait(); err != nil {
			t.Error(err)
		}
	})
	return nil
}

// Rows that the log knows nothing of, because it is a new one, or another one, are
// shown to nobody, least of all to whoever bootstraps it.
func TestADatabaseOfAnotherLogIsRefused(t *testing.T) {
	m, other := newManor(t), newManor(t)
	other.do("POST", "/v1/flags", `{"key":"one-more","type":"boolean","default":false}`) // so that only the beginnings tell them apart
	m.settled(m.head())
	m.halt(t)
	other.halt(t)
	for name, dir := range map[string]string{"a new log": t.TempDir(), "another log": other.DataDir} {
		c := m.Config
		c.DataDir = dir
		if err := m.again(t, c); !errors.Is(err, errForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := m.again(t, m.Config); err != nil {
		t.Errorf("its own log: %v", err)
	}
	m.halt(t)
	c := m.Config
	c.DataDir = other.DataDir
	rebuilt(t, c)
	if err := m.again(t, c); err != nil {
		t.Errorf("after a rebuild: %v", err)
	}
}

// rebuilt is what an operator does when a database shall follow another log.
func rebuilt(t *testing.T, c Config) {
	t.Helper()
	log, err := logserver.Open(logserver.Options{Dir: c.DataDir + "/log", Addr: "127.0.0.1:0", Security: logserver.Security{AppendOnly: true, Truncatable: truncatable}})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- log.Serve() }()
	w := &world{server: &server{ctx: t.Context()}}
	exit, _, said := w.command([]string{"projections", "rebuild", "--log-url", log.URL(), "--database-url", c.DatabaseURL})
	if exit != 0 {
		t.Errorf("rebuild: exit %d: %s", exit, said)
	}
	if err := errors.Join(log.Close(), <-served); err != nil {
		t.Error(err)
	}
}

// emptied takes everything away that Reeve has in a database.
func emptied(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "drop schema readmodel cascade; drop schema reeve cascade"); err != nil {
		t.Fatal(err)
	}
}

// A call is something that somebody tries, and must come to the same for ever.
type call struct {
	who string
	probe
}

// calls are reads of every kind, by everybody, at home and elsewhere.
func (m *manor) calls() (all []call) {
	for _, who := range []string{"anonymous", "garbage", "tenant", "viewer", "partner", "auditor", "evaluation key", "suspended", "disabled", "restricted", "user", "expired"} {
		for where, p := range map[string]places{"at home": m.mine, "elsewhere": m.theirs} {
			for name, path := range map[string]string{
				"tenant": "/v1/tenants/" + p["tenant"], "tenants": "/v1/tenants", "integrator": "/v1/integrators/" + p["integrator"],
				"members": "/v1/nodes/" + p["tenant"] + "/members", "keys": "/v1/nodes/" + p["tenant"] + "/api-keys", "audit": "/v1/audit?tenant=" + p["tenant"],
				"flags": "/v1/nodes/" + p["tenant"] + "/flags", "roles": "/v1/nodes/" + p["tenant"] + "/roles", "user": "/v1/users/" + p["user"],
			} {
				all = append(all, call{who, probe{name: name + " " + where, method: "GET", path: path}})
			}
			all = append(all, call{who, probe{name: "evaluate " + where, method: "POST", path: "/ofrep/v1/evaluate/flags/probe-flag", body: fmt.Sprintf(`{"context":{"tenantId":%q}}`, p["tenant"])}},
				call{who, probe{name: "forbidden write " + where, method: "POST", path: "/v1/integrators/" + p["integrator"] + "/stop", body: `{"reason":"x"}`}})
		}
	}
	return all
}

// answers is what calls come to: the status, and the whole body if there is more in
// it than a refusal, which names its request.
func (m *manor) answers(calls []call) map[string]string {
	m.t.Helper()
	got := map[string]string{}
	for _, c := range calls {
		status, _, body := m.ask(m.callers[c.who], c.probe)
		for status == http.StatusServiceUnavailable { // a read model is being built
			status, _, body = m.ask(m.callers[c.who], c.probe)
		}
		observed := strings.HasPrefix(c.name, "audit") || strings.HasPrefix(c.name, "securityEvents") // what is refused here shows there
		if got[c.who+": "+c.name] = fmt.Sprint(status); status < 300 && !observed {
			got[c.who+": "+c.name] += " " + string(body)
		}
	}
	return got
}

// Who may do what is in the log. A database that is lost is made anew from it, and
// nobody becomes administrator meanwhile.
func TestRightsOutliveTheDatabase(t *testing.T) {
	m := newManor(t)
	m.callers["restricted"] = m.client(m.mine["integrator"], domain.PermissionsOf(domain.TenantRead))
	m.do("POST", "/v1/users/"+m.mine["user"]+"/activate", "")
	m.do("PUT", "/v1/nodes/"+m.mine["tenant"]+"/roles/reader", `{"name":"Reader","permissions":["tenant:read","access:read"]}`)
	m.do("PUT", "/v1/nodes/"+m.mine["tenant"]+"/members/"+m.mine["user"]+"/reader", "{}")
	m.callers["user"] = "Bearer " + m.delegated(m.mine)
	m.settled(m.head())
	calls := m.calls()
	before := m.answers(calls)
	allowed := 0
	for _, a := range before {
		if strings.HasPrefix(a, "200") {
			allowed++
		}
	}
	head, facts := m.head(), m.all()
	m.halt(t)
	emptied(t, m.DatabaseURL)
	if err := m.again(t, m.Config); err != nil {
		t.Fatal(err)
	}
	m.closed()
	m.settled(head)
	m.closed()
	for name, now := range m.answers(calls) {
		if now != before[name] {
			t.Errorf("%s: %.300s, was %.300s", name, now, before[name])
		}
	}
	if now := m.all(); now != facts {
		t.Errorf("the log went from %d facts to %d", facts, now)
	}
	t.Logf("%d calls, of which %d are allowed, come to the same", len(calls), allowed)
}

// settled waits until every read model has read up to a position.
func (m *manor) settled(position uint64) {
	m.t.Helper()
	for {
		all, err := m.engine.Status(m.t.Context())
		behind := err != nil || len(all) == 0
		for _, p := range all {
			behind = behind || p.State != "live" || p.Position < position
		}
		if !behind {
			return
		}
	}
}

// closed: nobody is appointed any more.
func (m *manor) closed() {
	m.t.Helper()
	body := fmt.Sprintf(`{"token":"rvb_x","client":%q,"secret":%q,"name":"x"}`, uuid.NewString(), someSecret(m.t))
	if status, _, answer := m.ask("", probe{method: "POST", path: "/v1/bootstrap", body: body}); status != http.StatusUnauthorized {
		m.t.Errorf("bootstrap: %d %s", status, answer)
	}
	if _, err := os.Stat(bootstrapFile(m.DataDir)); !errors.Is(err, fs.ErrNotExist) {
		m.t.Errorf("a bootstrap token is there: %v", err)
	}
}
