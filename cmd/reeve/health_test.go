package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// How a server is doing is for its operators: on the admin address, and on the API for
// whoever may know. Everybody may know whether it is ready.
func TestWhoIsToldHowTheServerIsDoing(t *testing.T) {
	m := newManor(t)
	health := probe{method: "GET", path: "/readyz"}
	for who, as := range map[string]string{"anonymous": "", "garbage": m.callers["garbage"], "disabled": m.callers["disabled"]} {
		if status, _, b := m.ask(as, health); status != http.StatusOK || string(b) != `{"status":"ready"}`+"\n" {
			t.Errorf("%s: %d %s", who, status, b)
		}
	}
	for _, who := range []string{"viewer", "tenant", "partner", "evaluation key"} {
		status, _, b := m.ask(m.callers[who], health)
		if !strings.HasPrefix(string(b), `{"status":"ready","position":`) || strings.Contains(string(b), "checks") || status != http.StatusOK {
			t.Errorf("%s: %d %s", who, status, b)
		}
	}
	_, _, api := m.ask("Bearer "+m.world.token, health)
	m.url = "http://" + m.AdminAddr
	_, _, admin := m.ask("", health)
	for at, b := range map[string]string{"the API": string(api), "the admin address": string(admin)} {
		if !strings.Contains(b, `{"name":"database","ok":true}`) || !strings.Contains(b, `"head":`) {
			t.Errorf("an operator is told at %s: %s", at, b)
		}
	}
}

// A server that cannot evaluate flags any more says so, whatever else goes on.
func TestAServerThatLostTheFlagsIsNotReady(t *testing.T) {
	m := newManor(t)
	m.ready()
	r := domain.Recorded{Stream: flag.Stream("probe-flag"), Position: m.book.Position() + 1, Err: domain.ErrUnreadableEvent}
	if err := m.book.Apply(r); err != nil {
		t.Fatal(err)
	}
	status, _, b := m.ask("Bearer "+m.world.token, probe{method: "GET", path: "/readyz"})
	if status != http.StatusServiceUnavailable || !strings.Contains(string(b), flag.ErrBlind.Detail) {
		t.Errorf("%d %s", status, b)
	}
}
