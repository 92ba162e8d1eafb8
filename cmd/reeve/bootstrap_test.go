package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

// somebody makes up a client as bootstrap takes it.
func somebody(t *testing.T) verbs.Credentials {
	t.Helper()
	who, err := newCredentials(filepath.Join(t.TempDir(), "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func someSecret(t *testing.T) string { return somebody(t).ClientSecret }

// vacant is a server that nobody has been appointed on, and its token.
func vacant(t *testing.T) (*manor, string) {
	t.Helper()
	m := &manor{world: unappointed(t), t: t}
	return m, m.offered()
}

// offered is the token that the server has left for its operator.
func (m *manor) offered() string {
	m.t.Helper()
	text, err := os.ReadFile(bootstrapFile(m.DataDir))
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// apply asks to become administrator.
func (m *manor) apply(token string) (status int, answer string) {
	return m.applyAs(somebody(m.t), token)
}

func (m *manor) applyAs(who verbs.Credentials, token string) (status int, answer string) {
	body := fmt.Sprintf(`{"token":%q,"client":%q,"secret":%q,"name":"x"}`, token, who.ClientID, who.ClientSecret)
	status, _, b := m.ask("", probe{method: "POST", path: "/v1/bootstrap", body: body})
	return status, string(b)
}

// administrators counts appointments, and clients that may do everything.
func (m *manor) administrators() (appointed, able int) {
	m.t.Helper()
	for _, e := range m.since(0) {
		switch e {
		case "PlatformAdministratorAppointed":
			appointed++
		case "ClientRegistered":
			able++
		case "ClientDisabled":
			able--
		}
	}
	return appointed, able
}

// However often and by however many it is asked for, there is one first
// administrator.
func TestBootstrapIsOnce(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		m, token := vacant(t)
		if status, answer := m.apply(token); status != http.StatusCreated {
			t.Fatal(status, answer)
		}
		if status, answer := m.apply(token); status != http.StatusUnauthorized {
			t.Error(status, answer)
		}
		m.closed()
		m.one()
	})
	t.Run("too late", func(t *testing.T) {
		m, token := vacant(t)
		m.bootstrap.mu.Lock()
		m.bootstrap.until = time.Now().Add(-time.Second)
		m.bootstrap.mu.Unlock()
		if status, answer := m.apply(token); status != http.StatusUnauthorized {
			t.Error(status, answer)
		}
		if appointed, able := m.administrators(); appointed+able != 0 {
			t.Errorf("%d appointed, %d clients", appointed, able)
		}
	})
	t.Run("guessed", func(t *testing.T) {
		m, token := vacant(t)
		for _, guess := range []string{"", "rvb_", token[:len(token)-1], token + "A", strings.ToLower(token)} {
			if status, answer := m.apply(guess); status != http.StatusUnauthorized {
				t.Errorf("%q: %d %s", guess, status, answer)
			}
		}
		if appointed, able := m.administrators(); appointed+able != 0 {
			t.Errorf("%d appointed, %d clients", appointed, able)
		}
	})
	t.Run("many at once", func(t *testing.T) {
		m, token := vacant(t)
		var all sync.WaitGroup
		statuses := make(chan int, 16)
		for range cap(statuses) {
			all.Go(func() {
				status, _ := m.apply(token)
				statuses <- status
			})
		}
		all.Wait()
		close(statuses)
		count := map[int]int{}
		for s := range statuses {
			count[s]++
		}
		if count[http.StatusCreated] != 1 || count[http.StatusUnauthorized] != cap(statuses)-1 {
			t.Error(count)
		}
		m.one()
	})
}

// one: there is one administrator, and nobody else.
func (m *manor) one() {
	m.t.Helper()
	if appointed, able := m.administrators(); appointed != 1 || able != 1 {
		m.t.Errorf("%d appointed, %d clients", appointed, able)
	}
}

// A cut is a log that is lost just before an administrator is appointed.
type cut struct{ commands.Log }

func (c cut) Append(ctx context.Context, stream domain.StreamID, next uint64, m domain.Meta, facts []domain.Proposed) (domain.Receipt, error) {
	if stream == domain.PlatformStream {
		return domain.Receipt{}, domain.ErrLogUnavailable
	}
	return c.Log.Append(ctx, stream, next, m, facts)
}

// halfway is a server that was started again after somebody was registered and not
// appointed.
func halfway(t *testing.T) (*manor, verbs.Credentials) {
	t.Helper()
	m, _ := vacant(t)
	orphan := somebody(t)
	l := commands.NewLedger(cut{m.store}, commands.Options{NameKey: bytes.Repeat([]byte{7}, 32), Survey: m.survey, Logger: m.log})
	_, err := commands.Appoint(t.Context(), l, domain.ClientID(orphan.ClientID), "orphan", orphan.ClientSecret, commands.SystemRequest("bootstrap").Meta)
	if !errors.Is(err, domain.ErrLogUnavailable) {
		t.Fatal(err)
	}
	if appointed, registered := m.administrators(); appointed != 0 || registered != 1 {
		t.Fatalf("%d appointed, %d registered", appointed, registered)
	}
	m.powerless(orphan)
	m.halt(t)
	if err := m.again(t, m.Config); err != nil {
		t.Fatal(err)
	}
	m.powerless(orphan)
	return m, orphan
}

// powerless: a client is given no token, and could do nothing with one.
func (m *manor) powerless(who verbs.Credentials) {
	m.t.Helper()
	if err := m.catchUp(); err != nil {
		m.t.Fatal(err)
	}
	if status := m.login(who.ClientID, who.ClientSecret); status != http.StatusUnauthorized {
		m.t.Errorf("it signs in: %d", status)
	}
	if paths := m.model.Scope(who.ClientID, 0, time.Now()); len(paths) > 0 {
		m.t.Errorf("it may act at %v", paths)
	}
}

// Who was registered and not appointed, because the server ended in between, is
// nobody. Bootstrap stays open: for that one, with the same secret, and for others.
func TestABootstrapThatEndsHalfWay(t *testing.T) {
	t.Run("somebody else comes", func(t *testing.T) {
		m, orphan := halfway(t)
		first := somebody(t)
		if status, answer := m.applyAs(first, m.offered()); status != http.StatusCreated {
			t.Fatal(status, answer)
		}
		m.powerless(orphan)
		m.closed()
		m.world.token = tokenOf(t, m.server, first)
		m.do("POST", "/v1/flags", `{"key":"probe-flag","type":"boolean","default":false}`)
		m.do("POST", "/v1/nodes/platform/clients/"+orphan.ClientID+"/disable", "")
		m.powerless(orphan)
		m.one()
	})
	t.Run("the same one comes again", func(t *testing.T) {
		m, orphan := halfway(t)
		token, thief := m.offered(), orphan
		thief.ClientSecret = someSecret(t)
		if status, answer := m.applyAs(thief, token); status != http.StatusConflict {
			t.Error("with another secret:", status, answer)
		}
		if status, answer := m.applyAs(orphan, token); status != http.StatusCreated {
			t.Fatal(status, answer)
		}
		m.world.token = tokenOf(t, m.server, orphan)
		m.do("POST", "/v1/flags", `{"key":"probe-flag","type":"boolean","default":false}`)
		m.closed()
		m.one()
	})
}
