package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// A wish is a command somebody sent under a key, and what came of it.
type wish struct {
	method, path, key, body string
	got                     answer
}

// A crowd sends commands from several sides and remembers every answer.
type crowd struct {
	mu     sync.Mutex
	wishes []*wish
	slugs  int
}

// wish makes up the next command: a new tenant, or another name for an old one.
func (c *crowd) wish() *wish {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &wish{key: uuid.NewString()}
	if id := c.someTenant(); id != "" && rand.IntN(4) > 0 {
		w.method, w.path, w.body = "PATCH", "/v1/tenants/"+id, fmt.Sprintf(`{"name":"Name %s"}`, w.key[:8])
	} else {
		c.slugs++
		w.method, w.path, w.body = "POST", "/v1/tenants", fmt.Sprintf(`{"name":"T%d","slug":"t-%d-%s","kind":"organisation"}`, c.slugs, c.slugs, w.key[:8])
	}
	c.wishes = append(c.wishes, w)
	return w
}

func (c *crowd) someTenant() string {
	for range 5 {
		if len(c.wishes) == 0 {
			return ""
		}
		if w := c.wishes[rand.IntN(len(c.wishes))]; w.path == "/v1/tenants" && w.got.receipt.ID != "" {
			return w.got.receipt.ID
		}
	}
	return ""
}

func (c *crowd) settle(w *wish, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.got = a
}

// unknown lists the wishes whose answer was lost or was no answer.
func (c *crowd) unknown() (out []*wish) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.wishes {
		if w.got.code == 0 || w.got.code >= 500 || w.got.code == http.StatusConflict {
			out = append(out, w)
		}
	}
	return out
}

// push sends wishes with many hands until ctx ends. A hand that gets no answer
// at all rests: its server is gone.
func (c *crowd) push(ctx context.Context, hands int, to ...*process) *sync.WaitGroup {
	var all sync.WaitGroup
	for i := range hands {
		p := to[i%len(to)]
		all.Go(func() {
			for w := c.wish(); ; w = c.wish() {
				c.settle(w, p.send(context.Background(), w.method, w.path, w.key, w.body))
				if ctx.Err() != nil || w.got.code == 0 {
					return
				}
			}
		})
	}
	return &all
}

// retry sends every unknown wish again, under its own key, until it is known.
func (c *crowd) retry(t *testing.T, p *process) {
	t.Helper()
	for _, w := range c.unknown() {
		deadline := time.Now().Add(30 * time.Second)
		for w.got.code != http.StatusOK && w.got.code != http.StatusCreated {
			if time.Now().After(deadline) {
				t.Fatalf("%s %s stays unknown: %d %s", w.method, w.path, w.got.code, w.got.body)
			}
			c.settle(w, p.send(context.Background(), w.method, w.path, w.key, w.body))
		}
	}
}

// verify reads the whole log and holds it against every answer.
func (c *crowd) verify(t *testing.T, logAddr string) {
	t.Helper()
	store, err := eventstore.Open("esdb://"+logAddr+"?tls=false", events.Registry, eventstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	byKey, next := c.effects(t, store)
	for _, w := range c.wishes {
		found := byKey[w.key]
		if len(found) != 1 {
			t.Fatalf("%s %s under key %s is in the log %d times", w.method, w.path, w.key, len(found))
		}
		e, r := found[0], w.got.receipt
		if e.Stream != r.Stream || e.Revision != r.Revision || e.Position != r.Position {
			t.Fatalf("answered %+v, recorded %s@%d at %d", r, e.Stream, e.Revision, e.Position)
		}
	}
	t.Logf("%d commands, %d streams, each command in the log exactly once", len(c.wishes), len(next))
}

// effects finds the facts on tenants by their command, and checks on the way
// that no stream has a gap.
func (c *crowd) effects(t *testing.T, store *eventstore.Store) (map[string][]domain.Recorded, map[domain.StreamID]uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	head, err := store.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	byKey, next := map[string][]domain.Recorded{}, map[domain.StreamID]uint64{}
	for page, err := range store.Pages(ctx, 0, 1000) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if e.Revision != next[e.Stream] {
				t.Fatalf("stream %s goes from %d to %d", e.Stream, next[e.Stream], e.Revision)
			}
			next[e.Stream]++
			if strings.HasPrefix(string(e.Stream), "tenant-") {
				byKey[e.Meta.CommandID] = append(byKey[e.Meta.CommandID], e)
			}
		}
		if page.To >= head {
			break
		}
	}
	return byKey, next
}

// The whole process, log and database with it, is killed again and again under
// load. What was acknowledged is there exactly once, what was unknown settles
// with one effect when it is sent again, and the read models equal a fresh replay.
func TestKillWholeProcess(t *testing.T) {
	rounds := 30
	if os.Getenv("REEVE_SOAK") != "" {
		rounds = 500
	}
	p := newProcess(t, filepath.Join(t.TempDir(), "data"), nil, "dev")
	c := &crowd{}
	for round := range rounds {
		p.start()
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(50+rand.IntN(450))*time.Millisecond)
		hands := c.push(ctx, 8, p)
		<-ctx.Done()
		p.kill()
		hands.Wait()
		cancel()
		if round%10 == 9 {
			p.start()
			c.retry(t, p)
			c.verify(t, p.log)
			sameAfterRebuild(t, p)
			p.kill()
		}
	}
}

// sameAfterRebuild compares the read models with a replay of the whole log.
func sameAfterRebuild(t *testing.T, p *process) {
	t.Helper()
	before := p.verb("projections", "checksum", "--json", "--wait")
	p.verb("projections", "rebuild")
	after := p.verb("projections", "checksum", "--json", "--wait")
	if string(before) != string(after) {
		t.Fatalf("read models differ from a replay\nbefore %s\nafter  %s", before, after)
	}
}

// Two servers share an external log and a database. Either one is killed under
// load; no row is applied twice and nothing acknowledged is missing.
func TestKillEitherOfTwoServers(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "kek")
	if _, err := newKey(key); err != nil {
		t.Fatal(err)
	}
	log := newProcess(t, filepath.Join(dir, "log"), nil, "log", "serve")
	log.startLog()
	database := pgtest.Shared(t)
	env := []string{"REEVE_LOG_URL=esdb://" + log.log + "?tls=false", "REEVE_DATABASE_URL=" + database, "REEVE_READER_DATABASE_URL=" + readerOf(t, database), "REEVE_KEK_FILE=" + key, "REEVE_PUBLIC_URL=http://reeve.example"}
	servers := []*process{newProcess(t, filepath.Join(dir, "a"), env, "serve"), newProcess(t, filepath.Join(dir, "b"), env, "serve")}
	for _, s := range servers {
		s.start()
	}
	servers[0].appoint()
	servers[1].token = servers[0].token
	c := &crowd{}
	for round := range 6 {
		ctx, cancel := context.WithTimeout(context.Background(), 800*time.Millisecond)
		hands := c.push(ctx, 8, servers...)
		victim := servers[round%2]
		time.AfterFunc(300*time.Millisecond, func() { _ = victim.cmd.Process.Kill() })
		<-ctx.Done()
		hands.Wait()
		cancel()
		victim.kill()
		victim.start()
	}
	c.retry(t, servers[0])
	c.verify(t, log.log)
	sameAfterRebuild(t, servers[1])
}

// startLog starts a process that serves the log only and waits for its port.
func (p *process) startLog() {
	p.t.Helper()
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	p.launch(path)
	store, err := eventstore.Open("esdb://"+p.log+"?tls=false", events.Registry, eventstore.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer store.Close()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err = store.Ready(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	p.t.Fatalf("the log does not answer: %v\n%s", err, p.said)
}
