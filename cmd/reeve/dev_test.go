package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What a newcomer does: run it, try the three commands as they are printed, stop
// it with Ctrl-C, and find everything again.
func TestANewcomersFirstMinutes(t *testing.T) {
	dir := t.TempDir()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, filepath.Join(dir, "bin", "reeve")); err != nil {
		t.Fatal(err)
	}
	p := newProcess(t, filepath.Join(dir, "data"), []string{"REEVE_FLAG_USAGE_EVERY=0"}, "dev", "--demo") // trying evaluations is no fact then
	p.start()
	p.hears(t, "\nready\n")
	said := p.said.String()
	if !strings.Contains(said, "loading the demo estate") {
		t.Errorf("the first start does not load the estate:\n%s", said)
	}
	_, try, _ := strings.Cut(said, "Try:\n")
	commands := strings.Split(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(try), "ready")), "\n")
	if len(commands) != 3 {
		t.Fatalf("%d commands to try:\n%s", len(commands), said)
	}
	for i, want := range []string{`"slug":"oslo-water"`, `"value":true`, "Oslo Water Agency"} {
		cmd := exec.Command("sh", "-c", commands[i])
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", cmd.Args[2], err, out)
		}
	}
	head := p.head(t)
	if err := p.interrupt(); err != nil {
		t.Errorf("Ctrl-C: %v\n%s", err, p.said)
	}
	p.start()
	p.hears(t, "\nready\n")
	if strings.Contains(p.said.String(), "loading") || p.head(t) != head {
		t.Errorf("the second start is not the first again:\n%s", p.said)
	}
	if err := p.interrupt(); err != nil {
		t.Errorf("Ctrl-C: %v\n%s", err, p.said)
	}
	p.verb("log", "verify", "--strict") // no stream of ours forgets anything
}
