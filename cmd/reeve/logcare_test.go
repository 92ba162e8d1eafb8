package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// A lone log is a "reeve log serve" with a client of its own.
type loneLog struct {
	*process
	admin  string
	client *esdb.Client
}

func serveLog(t *testing.T, dir string) *loneLog {
	t.Helper()
	admin := freePort(t)
	l := &loneLog{process: newProcess(t, dir, []string{"REEVE_ADMIN_ADDR=" + admin}, "log", "serve"), admin: admin}
	l.http = admin // whose /readyz is awaited
	l.start()
	l.hears(t, "esdb://"+l.log) // where to connect is said
	conf, err := esdb.ParseConnectionString("esdb://" + l.log + "?tls=false")
	if err != nil {
		t.Fatal(err)
	}
	conf.Logger = esdb.NoopLogging()
	if l.client, err = esdb.NewClient(conf); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.client.Close() })
	return l
}

// fill writes a hundred events to a stream that keeps two.
func (l *loneLog) fill(t *testing.T) {
	t.Helper()
	var m esdb.StreamMetadata
	m.SetMaxCount(2)
	anyRevision := esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}
	if _, err := l.client.SetStreamMetadata(t.Context(), "ticks", anyRevision, m); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		e := esdb.EventData{EventID: uuid.New(), EventType: "Ticked", ContentType: esdb.ContentTypeJson, Data: []byte(`{}`)}
		if _, err := l.client.AppendToStream(t.Context(), "ticks", anyRevision, e); err != nil {
			t.Fatal(err)
		}
	}
}

// figure reads one figure from /metrics.
func (l *loneLog) figure(t *testing.T, name string) string {
	t.Helper()
	for line := range strings.SplitSeq(l.get(t, "/metrics"), "\n") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return value
		}
	}
	t.Fatalf("no %s in /metrics", name)
	return ""
}

func (l *loneLog) get(t *testing.T, path string) string {
	t.Helper()
	res, err := http.Get("http://" + l.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, res.StatusCode, text, err)
	}
	return string(text)
}

// verbExit runs a verb and returns its exit code and what it printed.
func verbExit(t *testing.T, args ...string) (int, string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	var both bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &both, &both
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), both.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, both.String()
}

// A log alone shows its figures and is compacted while it is served; the verbs
// that look after its files are refused as long as it is.
func TestALogAloneIsLookedAfter(t *testing.T) {
	dir := t.TempDir()
	l := serveLog(t, dir)
	l.fill(t)
	for name, want := range map[string]string{"reeve_log_head": "101", "reeve_log_appends_total": "101", "reeve_log_disk_full": "0",
		"reeve_log_batch_events_count": l.figure(t, "reeve_log_batches_total"), "reeve_log_sync_seconds_count": l.figure(t, "reeve_log_batches_total"),
		"reeve_log_subscribers": "0", "reeve_log_subscriber_lag_events": "0", "reeve_log_scavenged_total": "0"} {
		if got := l.figure(t, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	l.get(t, "/livez")
	for _, verb := range []string{"verify", "repair", "compact"} {
		if code, said := verbExit(t, "log", verb, filepath.Join(dir, "log")); code != exitRunning {
			t.Errorf("%s of a log that is served: %d %s", verb, code, said)
		}
	}
	if err := l.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); l.figure(t, "reeve_log_scavenged_total") != "98"; {
		if time.Now().After(deadline) {
			t.Fatalf("%s scavenged\n%s", l.figure(t, "reeve_log_scavenged_total"), l.said)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := l.interrupt(); err != nil {
		t.Errorf("%v\n%s", err, l.said)
	}
	l.cared(t, dir)
}

// cared verifies, compacts and repairs what the process has left.
func (l *loneLog) cared(t *testing.T, dir string) {
	var v logserver.Verification
	if err := json.Unmarshal(l.verb("log", "verify", "--json"), &v); err != nil || v.Events != 3 || v.Scavenged != 98 || len(v.Warnings) != 1 || v.Warnings[0].Stream != "ticks" {
		t.Errorf("%+v, %v", v, err)
	}
	own := filepath.Join(dir, "log")
	if code, said := verbExit(t, "log", "verify", "--strict", own); code != exitCorrupt || !strings.Contains(said, `warning: `) {
		t.Errorf("strictly: %d %s", code, said)
	}
	if said := string(l.verb("log", "compact")); !strings.HasPrefix(said, "0 events of 0 bytes scavenged") {
		t.Error(said)
	}
	if code, said := verbExit(t, "log", "repair", own); code != 0 || !strings.HasPrefix(said, "nothing is wrong") {
		t.Errorf("%d %s", code, said)
	}
	if err := os.WriteFile(filepath.Join(own, "durable"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		verb []string
		code int
		said string
	}{
		{[]string{"verify"}, exitCorrupt, "both slots of the durable mark are damaged"},
		{[]string{"repair", "--dry-run"}, 0, "nothing has been changed"},
		{[]string{"verify"}, exitCorrupt, "1 findings"},
		{[]string{"repair"}, 0, "kept: 3 events, up to position 101\nlost: nothing\nhead: 102"},
		{[]string{"verify"}, 0, "4 events"},
	} {
		if code, said := verbExit(t, append(append([]string{"log"}, step.verb...), own)...); code != step.code || !strings.Contains(said, step.said) {
			t.Errorf("%v: %d %s", step.verb, code, said)
		}
	}
}
