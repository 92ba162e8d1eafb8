package logserver_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// childDir makes this test binary a log server on a directory.
const childDir = "LOGSERVER_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	if os.Getenv(childNull) != "" {
		os.Exit(childNullServer())
	}
	os.Exit(m.Run())
}

func child(dir string) int {
	s, err := logserver.Open(logserver.Options{Dir: dir, Addr: "127.0.0.1:0"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go compactOnSignal(s)
	fmt.Println(s.URL())
	if err := s.Serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// spawn runs a server process, told what it is by an environment variable, and
// returns its connection string.
func spawn(t testing.TB, role, value string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), role+"="+value)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line := bufio.NewScanner(out)
	if !line.Scan() {
		t.Fatal("the child said nothing")
	}
	return cmd, line.Text()
}

// A crashWriter appends to its own stream, one to three events at a time, each
// append exactly behind the last one, or wherever the stream ends.
type crashWriter struct {
	stream  string
	loose   bool     // expects any revision
	last    []int    // the events of the last append that was acknowledged
	acked   int      // events acknowledged; what follows is in doubt
	places  []uint64 // positions of the last events of acknowledged appends, by event
	checked int      // events found after a crash
}

// append sends what follows, the same whenever it is asked again.
func (c *crashWriter) append(ctx context.Context, client streams.StreamsClient) error {
	if c.acked%13 == 7 {
		if at, err := c.send(ctx, client, c.acked-len(c.last), c.last); err != nil || at != c.places[c.acked-1] {
			return cmp.Or(err, errors.New("a repeated append was given another place"))
		}
	}
	if c.acked%11 == 5 && !c.loose {
		if _, err := c.send(ctx, client, 0, []int{-c.acked}); !errors.Is(err, errStale) {
			return cmp.Or(err, errors.New("a stale append was taken"))
		}
	}
	var next []int
	for n := range 1 + c.acked%3 {
		next = append(next, c.acked+n)
	}
	at, err := c.send(ctx, client, c.acked, next)
	if err != nil {
		return err
	}
	c.last, c.acked = next, c.acked+len(next)
	c.places = append(c.places, make([]uint64, len(next))...)
	c.places[c.acked-1] = at
	return nil
}

var errStale = errors.New("the stream has moved on")

// send appends events behind as many as the stream is expected to have. It speaks
// the bare protocol, because the official client does not always survive the
// death of its server.
func (c *crashWriter) send(ctx context.Context, client streams.StreamsClient, expected int, all []int) (position uint64, err error) {
	call, err := client.Append(ctx)
	if err != nil {
		return 0, err
	}
	first := options(c.stream, false)
	first.GetOptions().ExpectedStreamRevision = &streams.AppendReq_Options_NoStream{}
	switch {
	case c.loose:
		first.GetOptions().ExpectedStreamRevision = &streams.AppendReq_Options_Any{}
	case expected > 0:
		first.GetOptions().ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: uint64(expected - 1)}
	}
	_ = call.Send(first) // what goes wrong is said by the answer
	for _, n := range all {
		_ = call.Send(propose(&proposed{Id: textID(n), Metadata: typed, Data: fmt.Appendf(nil, `{"n":%d}`, n)}))
	}
	r, err := call.CloseAndRecv()
	switch {
	case err != nil:
		return 0, err
	case r.GetWrongExpectedVersion() != nil:
		return 0, errStale
	}
	return r.GetSuccess().GetPosition().GetCommitPosition(), nil
}

// A death comes after some time or so many appends, whichever is first: an open
// verifies what is there, and a log that grows freely makes it slow.
type death struct {
	after   time.Duration
	appends int64
}

// killUnderLoad lets all writers append until it kills the process.
func killUnderLoad(t *testing.T, dir string, writers []*crashWriter, d death) {
	t.Helper()
	cmd, url := spawn(t, childDir, dir)
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "esdb://"), "?")
	conn, err := grpc.NewClient(host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := streams.NewStreamsClient(conn)
	defer time.AfterFunc(d.after, func() { _ = cmd.Process.Kill() }).Stop()
	var acked atomic.Int64
	var wg sync.WaitGroup
	for _, c := range writers {
		wg.Go(func() {
			var err error
			for err == nil {
				if err = c.append(t.Context(), client); err == nil && acked.Add(1) == d.appends {
					_ = cmd.Process.Kill()
				}
			}
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%s: %v", c.stream, err)
			}
		})
	}
	_ = cmd.Wait()
	wg.Wait()
}

// killWhileOpening kills a process that has just begun, mostly before it serves.
func killWhileOpening(t *testing.T, dir string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(after, func() { _ = cmd.Process.Kill() }).Stop()
	_ = cmd.Wait()
	if cmd.ProcessState.Exited() {
		t.Errorf("the log was not opened: %v", cmd.ProcessState)
	}
}

// moment is some time between two, the earlier the likelier.
func moment(random *rand.Rand, least, most time.Duration) time.Duration {
	return time.Duration(float64(least) * math.Pow(float64(most)/float64(least), random.Float64()))
}

// Killed again and again under load, on one directory: every acknowledged append
// is there once, whole, where it was said to be; what was refused is not; what was
// in doubt is settled by sending it again.
func TestKilledUnderLoad(t *testing.T) {
	dir := t.TempDir()
	seed := logserver.CrashSeed()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("REEVE_CRASH_SEED=%d kills at the same moments", seed)
		}
	})
	random := rand.New(rand.NewPCG(seed, 3))
	var writers []*crashWriter
	for n := range 64 {
		writers = append(writers, &crashWriter{stream: fmt.Sprint("w", n), loose: n%4 == 0})
	}
	for range logserver.CrashRounds(4, 2000) {
		killUnderLoad(t, dir, writers, death{moment(random, 5*time.Millisecond, 500*time.Millisecond), 20 + random.Int64N(300)})
		if random.IntN(4) == 0 {
			killWhileOpening(t, dir, moment(random, 10*time.Millisecond, 100*time.Millisecond))
		}
		settle(t, dir, writers)
	}
	account(t, dir, writers)
	if report, err := logserver.Verify(t.Context(), dir, nil); err != nil || report.Found > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// settle reopens the log and sends again what was in doubt. What was acknowledged
// since the last crash, and that, is there.
func settle(t *testing.T, dir string, writers []*crashWriter) {
	t.Helper()
	w := start(t, dir)
	client := w.stub()
	for _, c := range writers {
		if err := c.append(w.ctx, client); err != nil {
			t.Fatalf("%s after %d: %v", c.stream, c.acked, err)
		}
		all, err := w.readWith(c.stream, esdb.ReadStreamOptions{From: esdb.Revision(uint64(c.checked))}, math.MaxUint64)
		if err != nil || len(all) != c.acked-c.checked {
			t.Fatalf("%s has %d events from %d on, want %d, %v", c.stream, len(all), c.checked, c.acked-c.checked, err)
		}
		for i, e := range all {
			c.check(t, e.Event, c.checked+i)
		}
		c.checked = c.acked
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
}

func (c *crashWriter) check(t *testing.T, e *esdb.RecordedEvent, n int) {
	t.Helper()
	if e.EventID != id(n) || e.EventNumber != uint64(n) || (c.places[n] != 0 && c.places[n] != e.Position.Commit) {
		t.Fatalf("%s/%d is %v at %d, acknowledged at %d", c.stream, n, e.EventID, e.Position.Commit, c.places[n])
	}
}

// account holds the whole log against what was sent: each stream in its order,
// nothing missing, nothing twice, and nothing that nobody sent.
func account(t *testing.T, dir string, writers []*crashWriter) {
	t.Helper()
	w := start(t, dir)
	next, by := map[string]int{}, map[string]*crashWriter{}
	for _, c := range writers {
		by[c.stream] = c
	}
	last := uint64(0)
	for _, e := range w.readAll(esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64) {
		c := by[e.Event.StreamID]
		if c == nil || e.Event.Position.Commit <= last {
			t.Fatalf("%s/%d at %d, behind %d", e.Event.StreamID, e.Event.EventNumber, e.Event.Position.Commit, last)
		}
		c.check(t, e.Event, next[c.stream])
		next[c.stream]++
		last = e.Event.Position.Commit
	}
	for _, c := range writers {
		if next[c.stream] != c.acked {
			t.Errorf("$all has %d events of %s, want %d", next[c.stream], c.stream, c.acked)
		}
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
}
