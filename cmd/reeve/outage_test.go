package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/internal/pgdev"
)

// away is for how long things stay away: in the long profile that is what it is in life.
func away() time.Duration {
	if os.Getenv("REEVE_SOAK") != "" {
		return 3 * time.Minute
	}
	return 0
}

// Postgres is killed, then the log, then both, while flags are asked for. Each time
// all are answered, say how old they are, and go on when what was killed is back.
func TestFlagsAreAnsweredWhileTheRestIsAway(t *testing.T) {
	dir, err := os.MkdirTemp("", "reeve-outage-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // Postgres is another account
		t.Fatal(err)
	}
	pg := postgres(t, dir)
	o := newOutpost(t, pg.URL())
	l := o.load(4)
	for _, c := range []struct {
		name             string
		database, events bool
	}{{"database", true, false}, {"log", false, true}, {"log and database", true, true}} {
		if c.database {
			murder(t, pg)
			o.way.shut()
			o.comes("the database is missed", func() bool { return o.unready("database") })
			if a := o.send(t.Context(), "GET", "/v1/tenants", "", ""); a.code != http.StatusServiceUnavailable {
				t.Errorf("%s: tenants are answered %d %s", c.name, a.code, a.body)
			}
			if e := o.evaluate(); e.age > 0 {
				t.Errorf("%s: flags are %d seconds old", c.name, e.age)
			}
		}
		if c.events {
			o.logs.kill()
			o.comes("the log is missed", func() bool { return o.unready("log") })
			o.comes("flags are old", func() bool { return o.evaluate().age >= 3 })
			if _, figures := o.watched("/metrics"); !olderThan(figures, 3) {
				t.Errorf("%s: the figures do not say how old flags are", c.name)
			}
			if a := o.send(t.Context(), "POST", "/v1/flags", "", `{"key":"other","type":"boolean","default":false}`); a.code != http.StatusServiceUnavailable {
				t.Errorf("%s: a command is answered %d %s", c.name, a.code, a.body)
			}
		}
		for back := time.Now().Add(away()); time.Now().Before(back); {
			next := time.Now().Add(20 * time.Second)
			o.comes("some time has passed", func() bool { return time.Now().After(next) })
			if e := o.evaluate(); c.events && e.age < 3 || !c.events && e.age > 0 {
				t.Fatalf("%s: flags are %d seconds old", c.name, e.age)
			}
		}
		if c.events {
			o.logs.startLog()
		}
		if c.database {
			pg = postgres(t, dir)
			o.way.lead(hostOf(t, pg.URL()))
		}
		o.comes("ready again", o.ready)
		o.comes("flags are of now", func() bool { return o.evaluate().age == 0 })
		o.must("POST", "/v1/flags", fmt.Sprintf(`{"key":"after-%s","type":"boolean","default":false}`, strings.ReplaceAll(c.name, " ", "-")))
	}
	l.stop()
	l.hands.Wait()
	if wrong := l.wrong.Load(); wrong != nil {
		t.Errorf("%d of %d evaluations were wrong, the first %+v", l.failed.Load(), l.answered.Load(), *wrong)
	}
	o.override(false)
	o.comes("the new value", func() bool { return o.evaluate().value == "false" })
	t.Logf("%d evaluations", l.answered.Load())
}

// olderThan reads the gauge.
func olderThan(figures string, seconds float64) bool {
	for line := range strings.Lines(figures) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "reeve_flags_age_seconds "); ok {
			age, err := strconv.ParseFloat(value, 64)
			return err == nil && age >= seconds
		}
	}
	return false
}

func postgres(t testing.TB, dir string) *pgdev.Server {
	t.Helper()
	pg, err := pgdev.Start(context.Background(), pgdev.Options{Dir: dir, Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	return pg
}

// murder kills a Postgres as a power switch would.
func murder(t testing.TB, pg *pgdev.Server) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(pg.DataDir(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(line))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
	<-pg.Exited()
	if err := pg.Stop(); err != nil {
		t.Log(err)
	}
}
