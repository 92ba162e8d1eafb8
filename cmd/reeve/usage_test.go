package main

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain/flag"
)

// uses are the counts in the log so far.
func (m *manor) uses() (all []flag.Evaluated) {
	m.t.Helper()
	for e, err := range m.store.Dump(context.Background(), 0, math.MaxInt64) {
		if err != nil {
			m.t.Fatal(err)
		}
		var one flag.Evaluated
		if e.Type != "FlagEvaluated" {
			continue
		}
		if err := json.Unmarshal(e.Data, &one); err != nil {
			m.t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// used waits until so many counts are in the log.
func (m *manor) used(n int) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, err := range m.store.Pages(ctx, 0, 100) {
		if err != nil {
			break
		}
		if len(m.uses()) >= n {
			return
		}
	}
	m.t.Fatalf("%d counts, want %d", len(m.uses()), n)
}

// newCountingManor is a manor whose server counts what is evaluated.
func newCountingManor(t *testing.T) *manor {
	t.Helper()
	m := newManor(t)
	c := m.Config
	c.UsageEvery = time.Hour
	m.halt(t)
	if err := m.again(t, c); err != nil {
		t.Fatal(err)
	}
	m.ready()
	return m
}

// Somebody cleans up: what is evaluated is known by flag and node, also what was counted
// last before the server ended; what expired or was marked is listed, with what to do
// next, and is gone from the list when that is done.
func TestCleaningUp(t *testing.T) {
	m := newCountingManor(t)
	evaluate := func(path string, times int) {
		for range times {
			body := `{"context":{"tenantId":"` + m.mine["tenant"] + `"}}`
			if status, _, b := m.ask("Bearer "+m.world.token, probe{method: "POST", path: "/ofrep/v1/evaluate/flags" + path, body: body}); status != http.StatusOK {
				t.Fatal(status, string(b))
			}
		}
	}
	evaluate("/probe-flag", 1)
	evaluate("", 1)
	m.used(2)
	evaluate("/probe-flag", 4)
	m.halt(t)
	if err := m.again(t, m.Config); err != nil {
		t.Fatal(err)
	}
	m.ready()
	counts := map[flag.Key]int{}
	for _, u := range m.uses() {
		if string(u.Node) != m.mine["tenant"] {
			t.Errorf("%+v", u)
		}
		counts[u.Flag] += u.Count
	}
	if counts["probe-flag"] != 5 || counts[""] != 1 || len(counts) != 2 {
		t.Errorf("counted %v", counts)
	}
	var one struct{ LastEvaluatedAt, LastListedAt *time.Time }
	decode(t, m.now("Bearer "+m.world.token, "/v1/flags/probe-flag"), &one)
	if one.LastEvaluatedAt == nil || one.LastListedAt == nil || time.Since(*one.LastEvaluatedAt) > time.Hour {
		t.Errorf("%+v", one)
	}
	m.do("POST", "/v1/flags", `{"key":"old","type":"boolean","default":false,"expires":"2020-01-01"}`)
	m.do("POST", "/v1/flags/old/activate", "")
	m.do("POST", "/v1/flags/probe-given/mark-stale", "")
	for _, step := range []struct{ then, want string }{
		{"", "old expired deprecate, probe-given marked archive"},
		{"/v1/flags/probe-given/unmark-stale", "old expired deprecate"},
		{"/v1/flags/old/deprecate", "old expired archive"},
		{"/v1/flags/old/archive", ""},
	} {
		if step.then != "" {
			m.do("POST", step.then, "")
		}
		var list struct {
			Items []struct {
				Key, Next string
				Stale     []string
			}
		}
		decode(t, m.now("Bearer "+m.world.token, "/v1/flags?stale=true"), &list)
		var got []string
		for _, f := range list.Items {
			got = append(got, f.Key+" "+strings.Join(f.Stale, "+")+" "+f.Next)
		}
		if strings.Join(got, ", ") != step.want {
			t.Errorf("after %s: %q, want %q", step.then, got, step.want)
		}
	}
	if status, _, b := m.ask("Bearer "+m.world.token, probe{method: "POST", path: "/v1/flags", body: `{"key":"old","type":"boolean","default":true}`}); status != http.StatusConflict {
		t.Errorf("the key of an archived flag is reserved: %d %s", status, b)
	}
	if status, _, b := m.ask("Bearer "+m.world.token, probe{method: "POST", path: "/v1/flags/old/mark-stale"}); status != http.StatusConflict {
		t.Errorf("an archived flag is marked: %d %s", status, b)
	}
	exit, out, other := m.command([]string{"flag", "usage", "probe-flag", "--output", "json"})
	if exit != 0 || strings.Count(out, m.mine["tenant"]) != 2 || !strings.Contains(out, `"count":5`) && !strings.Contains(out, `"count": 5`) {
		t.Errorf("%d %s %s", exit, out, other)
	}
}
