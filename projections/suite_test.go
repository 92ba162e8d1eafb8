package projections_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/logserver"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

// A told event is a message of Watermill's own tests, in a real log.
type told struct {
	UUID     string            `json:"uuid"`
	Topic    string            `json:"topic"`
	Metadata map[string]string `json:"metadata"`
	Payload  []byte            `json:"payload"`
}

var toldEvents = domain.NewRegistry(domain.Vocabulary{domain.Define[told]("Told", 1), domain.Define[moved]("Moved", 1)})

// A teller publishes to the log, every message as a stream of its own.
type teller struct{ log *eventstore.Store }

func (p teller) Publish(topic string, messages ...*message.Message) error {
	for _, m := range messages {
		e := told{m.UUID, topic, m.Metadata, m.Payload}
		fact := domain.Proposed{ID: domain.EventID(topic, m.UUID, 0), Event: e}
		if _, err := p.log.Append(context.Background(), domain.StreamID("told-"+uuid.NewSHA1(uuid.Nil, []byte(topic+m.UUID)).String()), 0, domain.Meta{At: noon}, []domain.Proposed{fact}); err != nil {
			return err
		}
	}
	return nil
}

func (teller) Close() error { return nil }

// headStart is for TestReconnect, which notes what it has sent after it has sent
// it, and so must not receive the last message at once.
const headStart = 20 * time.Millisecond

// onTopic is the part of the log that belongs to a topic, one event to a page.
type onTopic struct {
	projections.Log
	topic string
}

func (l onTopic) Pages(ctx context.Context, from uint64, _ int) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		for p, err := range l.Log.Pages(ctx, from, 500) {
			if err != nil && !yield(p, err) {
				return
			}
			time.Sleep(headStart)
			for _, r := range p.Events {
				e, ok := r.Event.(told)
				if !ok || e.Topic != l.topic {
					continue
				}
				if !yield(domain.Page{From: from, To: r.Position, Events: []domain.Recorded{r}}, nil) {
					return
				}
				from = r.Position
			}
		}
	}
}

// A group reads topics together: its cursors are kept in the database, and of
// its subscribers to a topic one is served while the others wait.
type group struct {
	name   string
	db     *pgxpool.Pool
	log    projections.Log
	leases *leases
}

func (g group) source(topic string) projections.Source {
	cursor := g.name + "/" + topic
	return projections.Source{
		Log: onTopic{g.log, topic}, Size: 1,
		From: func(ctx context.Context) (at uint64, err error) {
			if err := g.leases.take(ctx, cursor); err != nil {
				return 0, err
			}
			err = g.db.QueryRow(ctx, `insert into reeve.cursors as c (name, position, version, state) values ($1, 0, 1, 'live')
on conflict (name) do update set name = excluded.name returning position`, cursor).Scan(&at)
			return at, err
		},
		Commit: func(ctx context.Context, p domain.Page) error {
			tag, err := g.db.Exec(ctx, "update reeve.cursors set position = $3 where name = $1 and position = $2", cursor, p.From, p.To)
			if err == nil && tag.RowsAffected() != 1 {
				err = errors.New("the cursor was moved by somebody else")
			}
			return err
		},
		Longest: 5 * time.Millisecond,
		Wrap: func(_ string, p domain.Page) *message.Message {
			e := p.Events[0].Event.(told)
			m := message.NewMessage(e.UUID, e.Payload)
			m.Metadata = e.Metadata
			return m
		},
	}
}

// leases let one holder at a time have what a name stands for.
type leases struct{ held sync.Map } // name to chan struct{} of size one

func (l *leases) take(ctx context.Context, name string) error {
	made, _ := l.held.LoadOrStore(name, make(chan context.Context, 1))
	holder := made.(chan context.Context)
	for {
		select {
		case holder <- ctx:
			context.AfterFunc(ctx, func() { <-holder })
			return nil
		case mine := <-holder:
			holder <- mine
			if mine == ctx {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// serveLog makes this process a log server, if it was started for that.
func serveLog() {
	dir := os.Getenv("REEVE_TEST_SERVE_LOG")
	if dir == "" {
		return
	}
	s, err := logserver.Open(logserver.Options{Dir: dir, Addr: os.Getenv("REEVE_TEST_LOG_ADDR")})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := os.WriteFile(filepath.Join(dir, "..", "pid"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		panic(err)
	}
	panic(s.Serve())
}

// durable runs a log server as a process of its own, and runs it again whenever
// it is killed. It returns its URL and the command that kills it.
func durable(t *testing.T) (url string, kill []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			c := exec.CommandContext(ctx, os.Args[0])
			c.Env = append(os.Environ(), "REEVE_TEST_SERVE_LOG="+filepath.Join(dir, "log"), "REEVE_TEST_LOG_ADDR="+addr)
			c.Stderr = os.Stderr
			_ = c.Run()
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return "esdb://" + addr + "?tls=false", []string{"sh", "-c", "kill -9 $(cat " + filepath.Join(dir, "pid") + ")"}
}

func openLog(t *testing.T, url string) *eventstore.Store {
	t.Helper()
	log, err := eventstore.Open(url, toldEvents, eventstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	projectionstest.Until(t, func() (bool, string) {
		err := log.Ready(context.Background())
		return err == nil, fmt.Sprint(err)
	})
	return log
}

// TestWatermill runs Watermill's own tests of a subscriber, against a log that is
// killed and started again on the way. A subscriber here goes on from a cursor,
// so that a new one does not receive what was acknowledged before.
func TestWatermill(t *testing.T) {
	url, kill := durable(t)
	g := group{db: projectionstest.Open(t), log: openLog(t, url), leases: &leases{}}
	features := tests.Features{
		ConsumerGroups: true, GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true, Persistent: true,
		RestartServiceCommand: kill, ForceShort: testing.Short(),
	}
	if raced {
		features.RestartServiceCommand = nil // TestReconnect itself has a race
	}
	grouped := func(t *testing.T, name string) (message.Publisher, message.Subscriber) {
		g := g
		g.name = name
		return teller{g.log.(*eventstore.Store)}, projections.NewSubscriber(g.source, slog.New(slog.DiscardHandler))
	}
	t.Run("grouped", func(t *testing.T) {
		tests.TestPubSub(t, features, func(t *testing.T) (message.Publisher, message.Subscriber) { return grouped(t, "everybody") }, grouped)
	})
	t.Run("from the beginning", func(t *testing.T) {
		features.NewSubscriberReceivesOldMessages = true
		tests.TestNewSubscriberReceivesOldMessages(t, tests.TestContext{TestID: tests.NewTestID(), Features: features}, g.alone)
	})
}

// alone reads a topic from the beginning and keeps no cursor.
func (g group) alone(*testing.T) (message.Publisher, message.Subscriber) {
	open := func(topic string) projections.Source {
		s := g.source(topic)
		s.Commit, s.From = nil, func(context.Context) (uint64, error) { return 0, nil }
		return s
	}
	return teller{g.log.(*eventstore.Store)}, projections.NewSubscriber(open, slog.New(slog.DiscardHandler))
}

// An engine on a real log that is killed under it: what was appended is applied
// once, and nothing else.
func TestTheLogIsKilledUnderTheEngine(t *testing.T) {
	const rounds, each = 6, 150
	url, kill := durable(t)
	log := openLog(t, url)
	e := projectionstest.Start(t, projectionstest.Open(t), log, world, projections.Options{PageSize: 40})
	projectionstest.Await(t, e, log)
	next := uint64(0)
	for range rounds {
		for range each {
			i := int(next)
			fact := domain.Proposed{ID: domain.EventID("kill", "", i), Event: moved{fmt.Sprintf("p%d", i%37), fmt.Sprintf("place%d", i%5), i % 9}}
			projectionstest.Until(t, func() (bool, string) {
				_, err := log.Append(t.Context(), "parcels-all", next, domain.Meta{At: noon.Add(time.Duration(i) * time.Second)}, []domain.Proposed{fact})
				return err == nil, fmt.Sprint(err)
			})
			next++
		}
		if err := exec.Command(kill[0], kill[1:]...).Run(); err != nil {
			t.Fatal(err)
		}
	}
	live := sumsOf(t, e, log)
	if err := e.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(live, checksums(t, e), ignorePosition); diff != "" {
		t.Errorf("rows (-live +rebuilt):\n%s", diff)
	}
	if n := live[len(live)-1]; n.Name != "stock" && n.Rows == 0 || live[2].Rows != rounds*each {
		t.Errorf("%d events were appended: %+v", rounds*each, live)
	}
}
