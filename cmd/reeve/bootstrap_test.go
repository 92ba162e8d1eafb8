package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// someSecret is a secret as bootstrap takes it.
func someSecret(t *testing.T) string {
	t.Helper()
	who, err := newCredentials(filepath.Join(t.TempDir(), "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	return who.ClientSecret
}

// vacant is a server that nobody has been appointed on, and its token.
func vacant(t *testing.T) (*manor, string) {
	t.Helper()
	w := unappointed(t)
	text, err := os.ReadFile(bootstrapFile(w.DataDir))
	if err != nil {
		t.Fatal(err)
	}
	return &manor{world: w, t: t}, strings.TrimSpace(string(text))
}

// apply asks to become administrator.
func (m *manor) apply(token string) (status int, answer string) {
	body := fmt.Sprintf(`{"token":%q,"client":%q,"secret":%q,"name":"x"}`, token, uuid.NewString(), someSecret(m.t))
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
