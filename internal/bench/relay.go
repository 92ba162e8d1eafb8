package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A relay is GO Feature Flag's relay proxy, which speaks OFREP, too: 200 flags out of a
// file, of which every second has one rule.
type relay struct {
	*process
	address string
	dir     string
}

// relayKey is what a client of the relay proves itself by, as one of Reeve's does.
const relayKey = "bench-key"

// relayModule is where the version of the relay is pinned.
const relayModule = "internal/bench/relay"

// startRelay builds the relay and starts it; nil, and a word about it, where it cannot
// be built.
func startRelay(ctx context.Context) (*relay, error) {
	dir, err := os.MkdirTemp("", "reeve-bench-relay-")
	if err != nil {
		return nil, err
	}
	r := &relay{dir: dir}
	program := filepath.Join(dir, "relayproxy")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/thomaspoignant/go-feature-flag/cmd/relayproxy")
	build.Dir = relayModule
	if out, err := build.CombinedOutput(); err != nil {
		say("the relay proxy cannot be built, and is left out: %v %s", err, out)
		_ = os.RemoveAll(dir)
		return nil, nil //nolint:nilnil // no peer is no failure
	}
	if err := r.serve(program); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *relay) serve(program string) (err error) {
	var flags strings.Builder
	for i := range bulkFlags {
		fmt.Fprintf(&flags, "flag-%03d:\n  variations: {on: true, off: false}\n  defaultRule: {variation: %s}\n", i, map[bool]string{true: `"on"`, false: `"off"`}[i%2 == 0])
		if i%2 == 1 {
			flags.WriteString("  targeting:\n    - query: plan eq \"gold\"\n      variation: \"on\"\n")
		}
	}
	file, config := filepath.Join(r.dir, "flags.yaml"), filepath.Join(r.dir, "relay.yaml")
	if err := os.WriteFile(file, []byte(flags.String()), 0o600); err != nil {
		return err
	}
	if r.address, _, err = twoPorts(); err != nil {
		return err
	}
	_, port, _ := strings.Cut(r.address, ":")
	settings := fmt.Sprintf("server: {mode: http, host: 127.0.0.1, port: %s}\npollingInterval: 600000\nretriever: {kind: file, path: %s}\nauthorizedKeys: {evaluation: [%s]}\nloglevel: error\nhideBanner: true\n", port, file, relayKey)
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		return err
	}
	if r.process, err = spawn(nil, program, "--config", config); err != nil {
		return err
	}
	return r.until(func() bool { return accepts(r.address) })
}

// dial connects as a client that the relay knows.
func (r *relay) dial(ctx context.Context) (*wire, error) {
	w, err := dial(ctx, r.address)
	if err == nil {
		w.token = relayKey
	}
	return w, err
}

func (r *relay) stop() {
	if r.process != nil {
		r.process.stop()
	}
	_ = os.RemoveAll(r.dir)
}

// cpu is how much CPU time the relay has used.
func (r *relay) cpu() time.Duration { return r.process.cpu() }
