package logserver_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	_ "github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	_ "github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	_ "github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// How much is thrown at the server; each attack is bounded by its number, and a
// call that would last for ever by hostileCall.
const (
	hostileConns = 150
	hostileCalls = 200 // of each method
	hostileHands = 8
	hostileCall  = 100 * time.Millisecond
)

// Whatever strangers send, those who keep to the protocol go on, and nothing of the
// strangers stays behind.
func TestHostileCallers(t *testing.T) {
	w := start(t, t.TempDir())
	w.append("beside", esdb.NoStream{}, event(0))
	before := runtime.NumGoroutine()
	b := w.bystand()
	b.goesOn() // before the others come
	throw(hostileConns, func(_ int, r *rand.Rand) { w.throwFrames(r) })
	b.goesOn()
	wire := &http.Transport{Protocols: new(http.Protocols)}
	wire.Protocols.SetUnencryptedHTTP2(true)
	all := methods(t)
	for _, m := range all {
		var tally statuses
		throw(hostileCalls, func(n int, r *rand.Rand) { tally.add(w.throwCall(wire, m, n, r)) })
		t.Logf("%s: %s", m.FullName(), &tally)
	}
	b.goesOn()
	b.leave()
	w.dropGroups()
	t.Logf("%d connections of frames, %d methods with %d calls each, %d appends beside", hostileConns, len(all), hostileCalls, b.appended.Load())
	if err := w.server.Err(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		}
	}()
	w.until("the goroutines of the strangers to end", func() bool {
		wire.CloseIdleConnections() // which are idle only when the last calls are cleared away
		return runtime.NumGoroutine() <= before
	})
}

// throw lets some hands do something a number of times, each with its own dice.
func throw(times int, do func(n int, r *rand.Rand)) {
	var next atomic.Int64
	var hands sync.WaitGroup
	for range hostileHands {
		hands.Go(func() {
			for n := int(next.Add(1)); n <= times; n = int(next.Add(1)) {
				do(n, rand.New(rand.NewPCG(7, uint64(n))))
			}
		})
	}
	hands.Wait()
}

// throwFrames opens a connection as HTTP/2 does, sends frames that mean little, and
// waits until the server hangs up.
func (w *world) throwFrames(r *rand.Rand) {
	conn, err := net.Dial("tcp", w.server.Addr())
	if err != nil {
		w.Error(err)
		return
	}
	defer conn.Close()
	said := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if r.IntN(8) > 0 {
		said = append(said, 0, 0, 0, 4, 0, 0, 0, 0, 0) // settings
	}
	for range r.IntN(20) {
		said = append(said, h2Frame(r)...)
	}
	_, _ = conn.Write(said) // the server may have hung up already
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
		w.Errorf("the server keeps a connection whose caller has left, after %x", said)
	}
}

func isTimeout(err error) bool {
	var slow net.Error
	return errors.As(err, &slow) && slow.Timeout()
}

// h2Frame has a header (RFC 9113 section 4.1) that may tell the truth.
func h2Frame(r *rand.Rand) []byte {
	body := noise(r, r.IntN(40))
	length := len(body)
	if r.IntN(4) == 0 {
		length = r.IntN(1 << 24)
	}
	b := []byte{byte(length >> 16), byte(length >> 8), byte(length), byte(r.IntN(12)), byte(r.Uint32())}
	return append(binary.BigEndian.AppendUint32(b, uint32(r.IntN(6))), body...)
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// methods are all that the services offer.
func methods(t *testing.T) (all []protoreflect.MethodDescriptor) {
	t.Helper()
	for _, name := range []protoreflect.FullName{
		"event_store.client.streams.Streams", "event_store.client.persistent_subscriptions.PersistentSubscriptions",
		"event_store.client.gossip.Gossip", "event_store.client.server_features.ServerFeatures",
	} {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			t.Fatal(err)
		}
		service := d.(protoreflect.ServiceDescriptor).Methods()
		for i := range service.Len() {
			all = append(all, service.Get(i))
		}
	}
	return all
}

// throwCall calls a method with a body that is wrong in one of several ways, or
// right and senseless. It returns how the call ended.
func (w *world) throwCall(wire *http.Transport, m protoreflect.MethodDescriptor, n int, r *rand.Rand) (status string) {
	var body []byte
	messages := 1
	if m.IsStreamingClient() {
		messages += r.IntN(4)
	}
	for range messages {
		payload, err := proto.Marshal(senseless(m.Input(), r, 0))
		if err != nil {
			w.Error(err)
			return ""
		}
		body = append(body, grpcFrame(payload, n, r)...)
	}
	ctx, cancel := context.WithTimeout(w.ctx, hostileCall)
	defer cancel()
	url := "http://" + w.server.Addr() + "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		w.Error(err)
		return ""
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	answer, err := wire.RoundTrip(request)
	if err != nil {
		if ctx.Err() == nil {
			w.Errorf("%s: %v after %x", m.FullName(), err, body)
		}
		return "none"
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	status = answer.Trailer.Get("Grpc-Status") + answer.Header.Get("Grpc-Status")
	if n, err := strconv.Atoi(status); err == nil {
		status = codes.Code(n).String()
	}
	if status == codes.DataLoss.String() {
		w.Errorf("%s: the log is said to be damaged after %x", m.FullName(), body)
	}
	return status
}

// statuses counts how calls ended; those that were still going on have none.
type statuses struct {
	mu    sync.Mutex
	count map[string]int
}

func (s *statuses) add(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == nil {
		s.count = map[string]int{}
	}
	s.count[cmp.Or(status, "none")]++
}

func (s *statuses) String() string { return fmt.Sprint(s.count) }

// grpcFrame puts a payload behind its length, and spoils every other one.
func grpcFrame(payload []byte, n int, r *rand.Rand) []byte {
	flag, length := byte(0), len(payload)
	switch n % 12 {
	case 0:
		return noise(r, r.IntN(60))
	case 1:
		payload = noise(r, r.IntN(60))
		length = len(payload)
	case 2:
		payload = payload[:r.IntN(len(payload)+1)] // the frame ends early
	case 3:
		payload = payload[:r.IntN(len(payload)+1)] // the message ends early
		length = len(payload)
	case 4:
		length = math.MaxUint32 >> r.IntN(20)
	case 5:
		flag = byte(1 + r.IntN(255))
	}
	return append(binary.BigEndian.AppendUint32([]byte{flag}, uint32(length)), payload...)
}

// senseless is a message in which each field says anything. No stream of the
// bystander's is named.
func senseless(d protoreflect.MessageDescriptor, r *rand.Rand, depth int) proto.Message {
	m := dynamicpb.NewMessage(d)
	left := map[protoreflect.FieldDescriptor]bool{} // of each choice all but one
	for i := range d.Oneofs().Len() {
		choice := d.Oneofs().Get(i).Fields()
		one := r.IntN(choice.Len())
		for n := range choice.Len() {
			left[choice.Get(n)] = n != one
		}
	}
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if depth > 8 || left[f] || r.IntN(20) == 0 {
			continue
		}
		switch {
		case f.IsMap():
			entries := m.Mutable(f).Map()
			for _, key := range []string{"type", "content-type", "x"}[:min(r.IntN(8), 3)] {
				entries.Set(protoreflect.ValueOfString(key).MapKey(), protoreflect.ValueOfString(anyText(r)))
			}
		case f.IsList():
			list := m.Mutable(f).List()
			for range r.IntN(3) {
				list.Append(anything(f, r, depth))
			}
		default:
			m.Set(f, anything(f, r, depth))
		}
	}
	return m
}

func anything(f protoreflect.FieldDescriptor, r *rand.Rand, depth int) protoreflect.Value {
	number := []uint64{0, 1, 2, 1000, math.MaxInt32, math.MaxUint32, math.MaxInt64, math.MaxUint64, r.Uint64()}[r.IntN(9)]
	if r.IntN(8) > 0 {
		number = r.Uint64N(20) // mostly it makes sense
	}
	switch f.Kind() {
	case protoreflect.MessageKind:
		return protoreflect.ValueOfMessage(senseless(f.Message(), r, depth+1).ProtoReflect())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(anyText(r))
	case protoreflect.BytesKind:
		if r.IntN(3) == 0 {
			return protoreflect.ValueOfBytes(noise(r, r.IntN(9)))
		}
		return protoreflect.ValueOfBytes([]byte(anyText(r)))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(number%2 == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(int32(number)))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(number))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(number))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(number))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(number)
	}
	panic("the protocol has a new kind of field: " + f.Kind().String())
}

// anyText is a name, an id, an expression or a document, wherever it may stand.
func anyText(r *rand.Rand) string {
	words := []string{"", "s", "t", "$$s", "$$$$s", "$all", "$$", "$$$settings", "$settings", "g", "g::g", "^[^$].*", "(", "0@s", "1@$$s", "$>", "$metadata",
		"null", "{}", `{"$tb":9223372036854775807}`, `{"$maxAge":9007199254740991}`, "RoundRobin", "Pinned", "application/json", id(1).String(), id(2).String()}
	if r.IntN(3) > 0 {
		return []string{"s", "g", id(1).String()}[r.IntN(3)] // mostly it meets others
	}
	return words[r.IntN(len(words))]
}

// A bystander appends and subscribes as the protocol has it.
type bystander struct {
	*world
	appended atomic.Int64
	seen     atomic.Int64
	left     chan struct{}
	working  sync.WaitGroup
}

func (w *world) bystand() *bystander {
	b := &bystander{world: w, left: make(chan struct{})}
	b.appended.Store(1)
	sub := w.follow("beside", esdb.Start{})
	b.working.Go(func() {
		for e := sub.Recv(); e.SubscriptionDropped == nil; e = sub.Recv() {
			if e.EventAppeared != nil && int64(e.EventAppeared.Event.EventNumber) != b.seen.Load() {
				w.Errorf("the subscriber has got %d after %d events", e.EventAppeared.Event.EventNumber, b.seen.Load())
			}
			if e.EventAppeared != nil {
				b.seen.Add(1)
			}
		}
	})
	b.working.Go(func() {
		defer func() {
			w.until("the subscriber to have everything", func() bool { return b.seen.Load() == b.appended.Load() })
			_ = sub.Close()
		}()
		for {
			select {
			case <-b.left:
				return
			default:
			}
			n := b.appended.Load()
			if _, err := w.try("beside", esdb.Revision(uint64(n-1)), event(int(n))); err != nil {
				w.Errorf("the bystander's append %d: %v", n, err)
				return
			}
			b.appended.Add(1)
		}
	})
	return b
}

// goesOn waits for three more appends and for the subscriber to follow.
func (b *bystander) goesOn() {
	b.Helper()
	n := b.appended.Load() + 3
	b.until("the bystander to go on", func() bool { return b.seen.Load() >= n })
}

func (b *bystander) leave() {
	b.Helper()
	close(b.left)
	b.working.Wait()
	if all := b.read("beside"); int64(len(all)) != b.appended.Load() {
		b.Errorf("appended %d events, read %d", b.appended.Load(), len(all))
	}
}

// dropGroups ends the persistent subscriptions that came about.
func (w *world) dropGroups() {
	w.Helper()
	groups, err := w.client.ListAllPersistentSubscriptions(w.ctx, esdb.ListPersistentSubscriptionsOptions{})
	if err != nil && code(err) != esdb.ErrorCodeResourceNotFound {
		w.Fatal(err)
	}
	for _, g := range groups {
		if g.EventSource == "$all" {
			err = w.client.DeletePersistentSubscriptionToAll(w.ctx, g.GroupName, esdb.DeletePersistentSubscriptionOptions{})
		} else {
			err = w.client.DeletePersistentSubscription(w.ctx, g.EventSource, g.GroupName, esdb.DeletePersistentSubscriptionOptions{})
		}
		if err != nil {
			w.Errorf("%q of %q: %v", g.GroupName, g.EventSource, err)
		}
	}
	w.Logf("%d groups had come about", len(groups))
}
