package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/internal/edge/verbs"
	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
)

// A platform is a running server and the terminal of somebody who uses it.
type platform struct {
	t       *testing.T
	server  string
	chatter string // of the last command line
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := Config{HTTPAddr: "127.0.0.1:0", AdminAddr: "127.0.0.1:0", LogAddr: "127.0.0.1:0", DataDir: t.TempDir(), DatabaseURL: pgtest.Shared(t), Zone: "local"}
	s, err := start(ctx, c, slog.New(slog.DiscardHandler), bytes.Repeat([]byte("k"), 32))
	if err != nil {
		stop()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.wait() }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Setenv("REEVE_TOKEN", appointed(t, s))
	return &platform{t: t, server: "http://" + s.HTTPAddr}
}

// reeve runs a command line and returns what it printed and how it ended.
func (p *platform) reeve(stdin string, args ...string) (string, int) {
	p.t.Helper()
	var out, chatter bytes.Buffer
	term := &terminal{strings.NewReader(stdin), &out, &chatter, slog.New(slog.DiscardHandler)}
	code := run(p.t.Context(), term, append(args, "--server", p.server))
	p.chatter = chatter.String()
	return out.String(), code
}

// must runs a command line that has to succeed.
func (p *platform) must(stdin string, args ...string) string {
	p.t.Helper()
	out, code := p.reeve(stdin, args...)
	if code != 0 {
		p.t.Fatalf("reeve %s: exit %d\n%s%s", strings.Join(args, " "), code, out, p.chatter)
	}
	return out
}

// head is how far the log is.
func (p *platform) head() uint64 {
	p.t.Helper()
	api, err := newPublicAPI(p.t.Context(), verbs.Where{Server: p.server, Timeout: demoTimeout})
	if err != nil {
		p.t.Fatal(err)
	}
	return api.since
}

// correlations counts the acts that caused all facts of a type.
func (p *platform) correlations(fact string) int {
	p.t.Helper()
	out := p.must("", "audit", "list", "--type", fact, "--all", "-o", "json", "--min-position", strconv.FormatUint(p.head(), 10))
	var list struct {
		Items []struct{ CorrelationID string }
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		p.t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range list.Items {
		seen[e.CorrelationID] = true
	}
	return len(seen)
}

// counts are how many things a plan is about, by what becomes of them.
func (p *platform) counts(stdin string, args ...string) (n planned) {
	p.t.Helper()
	out := p.must(stdin, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &n); err != nil {
		p.t.Fatal(err, out)
	}
	n.Items = nil
	return n
}

// The demo estate goes in, comes out and goes in again.
func TestApplyAndExportAgree(t *testing.T) {
	p := newPlatform(t)
	docs := bytes.Count(demo, []byte("\nkind: "))
	if diff := cmp.Diff(planned{Create: docs}, p.counts(string(demo), "apply", "-f", "-", "--dry-run")); diff != "" {
		t.Fatal("dry run", diff)
	}
	if diff := cmp.Diff(planned{Create: docs}, p.counts(string(demo), "apply", "-f", "-")); diff != "" {
		t.Fatal("first", diff)
	}
	if n := p.correlations("TenantCreated"); n != 1 {
		t.Fatal("the commands of one plan have", n, "correlation ids")
	}
	if diff := cmp.Diff(planned{Unchanged: docs}, p.counts(string(demo), "apply", "-f", "-", "--prune")); diff != "" {
		t.Fatal("second", diff, p.must(string(demo), "apply", "-f", "-", "--dry-run", "--prune"))
	}
	exported := p.must("", "export")
	if diff := cmp.Diff(planned{Unchanged: docs}, p.counts(exported, "apply", "-f", "-", "--prune")); diff != "" {
		t.Fatal("exported", diff, p.must(exported, "apply", "-f", "-", "--dry-run", "--prune"))
	}
	if again := p.must("", "export"); again != exported {
		t.Fatal(cmp.Diff(exported, again))
	}
}

// What is pruned can be wished for again, and what is broken changes nothing.
func TestApplyPrunesAndBringsBack(t *testing.T) {
	p := newPlatform(t)
	const base = "kind: Tenant\nname: acme\nspec: {name: Acme, kind: merchant, status: active, contacts: [{name: A, email: a@acme.example, role: admin}]}\n" +
		"---\nkind: Quota\nname: users@acme\nspec: {limit: 5}\n---\nkind: Flag\nname: dark\nspec: {type: boolean, default: false, state: active}\n"
	const override = "---\nkind: FlagOverride\nname: dark@tenant:acme\nspec: {value: true, locked: true, reason: pilot}\n"
	path := filepath.Join(t.TempDir(), "estate.yaml")
	if err := os.WriteFile(path, []byte(base+override), 0o600); err != nil {
		t.Fatal(err)
	}
	for step, c := range []struct {
		text string
		want planned
	}{
		{base + override, planned{Create: 4}},
		{base, planned{Unchanged: 3, Remove: 1}},
		{base + override, planned{Create: 1, Unchanged: 3}},
		{base + override, planned{Unchanged: 4}},
		{strings.Replace(base, "active", "suspended", 1) + override, planned{Change: 1, Unchanged: 3}},
		{base + override, planned{Change: 1, Unchanged: 3}},
		{strings.Replace(base, "active", "suspended", 1) + override, planned{Change: 1, Unchanged: 3}},
	} {
		if diff := cmp.Diff(c.want, p.counts(c.text, "apply", "-f", "-", "--prune")); diff != "" {
			t.Fatalf("step %d: %s", step, diff)
		}
	}
	before := p.head()
	if _, code := p.reeve(base+"---\nkind: Tenant\nname: b\nspec: {colour: red}", "apply", "-f", "-"); code != 65 || !strings.Contains(p.chatter, "spec.colour") {
		t.Fatal(code, p.chatter)
	}
	if after := p.head(); after != before {
		t.Fatal("a broken file moved the log from", before, "to", after)
	}
	if n := p.counts("", "apply", "-f", path, "--dry-run"); n.Change != 1 {
		t.Fatal(n)
	}
}

// The same command line gives the same receipt under one key, and the error of
// the server with the exit code of its kind.
func TestVerbsAgainstAServer(t *testing.T) {
	p := newPlatform(t)
	create := []string{"tenant", "create", "--slug", "acme", "--name", "Acme", "--kind", "merchant", "--idempotency-key", "k1", "-o", "json"}
	first := p.must("", create...)
	if again := p.must("", create...); again != first {
		t.Fatal(cmp.Diff(first, again))
	}
	var receipt struct{ ID string }
	if err := json.Unmarshal([]byte(first), &receipt); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"tenant get " + receipt.ID + " -o json":                              {0, ""},
		"tenant suspend " + receipt.ID + " --cause billing":                  {75, "invalid-transition"},
		"tenant suspend " + receipt.ID + " --cause rain":                     {65, "/cause: must be one of"},
		"tenant suspend " + receipt.ID:                                       {65, "/cause: is required"},
		"tenant suspend --cause billing":                                     {65, "tenant: is required"},
		"tenant suspend not-an-id --cause billing":                           {65, "invalid-id"},
		"tenant get 6f9619ff-8b86-4011-b42d-00c04fc964ff":                    {66, "tenant-not-found"},
		"tenant update-profile " + receipt.ID + " --name A --if-match 7":     {75, "revision"},
		"tenant update-profile " + receipt.ID + " --name A --if-match x":     {65, "invalid-if-match"},
		"tenant create --slug acme --name B --kind merchant":                 {75, "slug-taken"},
		"tenant create --slug b --name B --kind merchant --contacts billing": {65, "malformed-json"},
		"tenant list --limit many":                                           {65, "invalid-request"},
		"tenant list --colour red":                                           {2, "unknown flag"},
		"quota change " + receipt.ID + " users --limit=-1":                   {65, "/limit: must be at least 0"},
	} {
		_, code := p.reeve("", strings.Fields(args)...)
		if code != want.code || !strings.Contains(p.chatter, want.says) {
			t.Errorf("%s: exit %d\n%s", args, code, p.chatter)
		}
	}
}
