package readapi

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/flag"
)

// Streams are what clients of OFREP follow to hear when to evaluate again (protocol
// 0.3.0, event streams).
type Streams struct {
	Key   []byte                 // that tickets are proved with; the same for all servers of an installation
	Most  int                    // streams at once
	Moved func() <-chan struct{} // closed as soon as something has happened
	Err   func() error           // why nobody may be let in, nil if all is well
	Ended <-chan struct{}        // closed when the server ends

	// Belongs tells the node that a principal belongs to and its integrator, none for the
	// platform; nil if that is of no matter.
	Belongs func(who string) (node, integrator domain.NodeID)

	mu    sync.Mutex
	open  block
	looks *lru.Cache[place, glance] // which all who follow one place share
}

// A place is what is looked at, as of a position.
type place struct {
	node     domain.NodeID
	user     domain.UserID
	position uint64
}

// A glance is what was seen there.
type glance struct {
	version uint64
	next    time.Time
	guests  uint64 // see [flag.View.Guests]
	counted bool   // whether somebody wanted to know of these, of whom there may be very many
}

// places is how many looks are remembered.
const places = 8192

const (
	heartbeat  = 15 * time.Second       // proxies close what is silent
	takes      = 10 * time.Second       // for one notice to be taken, or the stream ends
	gathering  = 100 * time.Millisecond // between two looks: bursts are told once
	inactivity = 120                    // seconds after which a client that nobody looks at may close its stream
	retryAfter = 5 * time.Second        // that a client waits before it comes again
)

// NewStreams has room for so many streams.
func NewStreams(key []byte, most int, moved func() <-chan struct{}, err func() error, ended <-chan struct{}) *Streams {
	looks, _ := lru.New[place, glance](places)
	return &Streams{Key: key, Most: most, Moved: moved, Err: err, Ended: ended, looks: looks}
}

// streams is the member of a bulk answer that says where notices are to be had. It
// is the same for an epoch.
func (o ofrep) streams(b []byte, a *asking) []byte {
	s := o.source.Streams
	if s == nil || a.scope.Actor.ID == "" {
		return b
	}
	t := ticket{Who: a.scope.Actor.ID, Node: a.view.Node(), User: a.User, Until: turn(a.at).Add(epoch).Unix()}
	return fmt.Appendf(b, `,"eventStreams":[{"type":"sse","endpoint":{"requestUri":"%s?ticket=%s"},"inactivityDelaySec":%d}]`, streamPath, t.seal(s.Key), inactivity)
}

// hinted waits, a little, for what a notice has told the client of.
func (o ofrep) hinted(r *http.Request) {
	if r.URL.RawQuery == "" {
		return
	}
	if position, _, ok := notedAt(r.URL.Query().Get("flagConfigEtag")); ok {
		_ = o.source.awaitBook(r.Context(), position) // which is a hint and no condition
	}
}

// notedAt is the position that a notice named, and the instant at which it was told if it
// named that, too.
func notedAt(text string) (position uint64, told time.Time, ok bool) {
	text, instant, dated := strings.Cut(strings.Trim(text, `"`), "-")
	position, err := strconv.ParseUint(text, 10, 64)
	if dated && err == nil {
		var ms int64
		ms, err = strconv.ParseInt(instant, 10, 64)
		told = time.UnixMilli(ms)
	}
	return position, told, err == nil
}

// stream tells a client to evaluate again whenever something may have become another
// for it.
func (o ofrep) stream(w http.ResponseWriter, r *http.Request) {
	s := o.source.Streams
	if s == nil {
		refusal{status: http.StatusNotFound, Code: generalError, Details: "there are no streams here"}.write(w, "")
		return
	}
	t, ok := unseal(s.Key, r.URL.Query().Get("ticket"), o.now())
	if !ok || !o.may(t) {
		refusal{status: http.StatusUnauthorized, Code: generalError, Details: "the ticket is not good, or not any more; evaluate again to be given another"}.write(w, "")
		return
	}
	ctx, leave, ok := s.enter(r.Context(), t.Who)
	if !ok {
		w.Header().Set("Retry-After", "60")
		refusal{status: http.StatusTooManyRequests, Code: generalError, Details: "too many streams are open"}.write(w, "")
		return
	}
	defer leave()
	to := &browser{w, http.NewResponseController(w), o.source.Flags}
	f := follower{ofrep: o, t: t, out: to}
	if last, told, ok := notedAt(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("lastEventId"))); ok {
		f.resume(last, told)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep notices back
	if to.write(fmt.Sprintf("retry: %d\n\n", retryAfter.Milliseconds())) {
		f.follow(r.WithContext(ctx))
	}
}

// resume goes on behind the position that the client was told of last, unless an
// instant has come since then from which something counts or ceases to.
func (f *follower) resume(last uint64, told time.Time) {
	then := f.source.Flags.When(last)
	if told.After(then) && told.Before(f.now()) {
		then = told
	}
	v, err := f.source.Flags.Look(flag.Question{Node: f.t.Node, User: f.t.User, At: then, Position: last})
	if err != nil || last == 0 {
		return
	}
	version, next := v.Version(then)
	f.version, f.known = version, next.IsZero() || next.After(f.now())
}

// may reports whether the holder of a ticket may still evaluate flags at its place.
func (o ofrep) may(t ticket) bool {
	if s := o.source.Streams; s.Err != nil && s.Err() != nil {
		return false
	}
	need := domain.PermissionsOf(domain.FlagEvaluate)
	if t.Node == domain.PlatformID { // what is said there is said to everybody
		return len(o.source.Access.Scope(t.Who, need, o.now())) > 0
	}
	return o.source.Access.Decide(t.Who, need, t.Node, o.now()) == access.Allowed
}

// A follower is a client that follows a stream.
type follower struct {
	ofrep
	t      ticket
	out    teller
	guests bool // whether what users of the place say counts, whoever they are

	known   bool   // whether the client has been told of any version
	version uint64 // that it knows
}

// A teller words for a client what it follows. Both report whether the client has
// taken it.
type teller interface {
	changed(at uint64, now time.Time) bool
	alive() bool // although there is nothing to tell
}

// look is the version of the place as of a position, or now if that is 0, and when it
// may come to something else by itself.
func (f *follower) look(position uint64) (ok bool, version uint64, at uint64, next time.Time) {
	now := f.now()
	v, err := f.source.Flags.Look(flag.Question{Node: f.t.Node, User: f.t.User, At: now, Position: position})
	if err != nil {
		return false, 0, 0, next
	}
	key := place{f.t.Node, f.t.User, v.Position()}
	seen, known := f.source.Streams.looks.Get(key)
	dated, uncounted := !known || !seen.next.IsZero() && !seen.next.After(now), f.guests && !seen.counted
	if dated {
		seen.version, seen.next = v.Version(now)
	}
	if uncounted {
		seen.guests, seen.counted = v.Guests(), true
	}
	if dated || uncounted {
		f.source.Streams.looks.Add(key, seen)
	}
	if f.guests {
		seen.version ^= seen.guests
	}
	return true, seen.version, v.Position(), seen.next
}

// follow writes until the client goes, or may not be told any more. Whoever comes
// anew is told to evaluate once: something may have come between its evaluation and
// its stream.
func (f *follower) follow(r *http.Request) {
	beat, turns, due := f.now().Add(heartbeat), turn(f.t.expires().Add(-2*epoch)), time.Time{}
	for {
		moved, now := f.source.Streams.Moved(), f.now()
		ok, version, at, next := f.look(0)
		switch {
		case !ok || !f.may(f.t) || !now.Before(f.t.expires()):
			return
		case !f.known || version != f.version || !due.IsZero() && !now.Before(due) || !now.Before(turns):
			if !f.out.changed(at, now) {
				return
			}
			f.known, f.version, beat = true, version, now.Add(heartbeat)
			if !now.Before(turns) {
				turns = f.t.expires()
			}
		case !now.Before(beat):
			if !f.out.alive() {
				return
			}
			beat = now.Add(heartbeat)
		}
		if due = next; !f.rest(r, moved, earliest(beat, turns, due).Sub(now)) {
			return
		}
	}
}

// rest waits until something has happened, a little longer for what comes with it, or
// until a moment. It reports whether there is anything left to do.
func (f *follower) rest(r *http.Request, moved <-chan struct{}, until time.Duration) bool {
	wait := time.NewTimer(max(until, 0))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-moved:
	case <-r.Context().Done():
		return false
	case <-f.source.Streams.Ended:
		return false
	}
	wait.Reset(gathering)
	select {
	case <-wait.C:
		return true
	case <-r.Context().Done():
		return false
	case <-f.source.Streams.Ended:
		return false
	}
}

func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// A browser follows server-sent events (WHATWG HTML).
type browser struct {
	w       http.ResponseWriter
	control *http.ResponseController
	flags   *flag.Book
}

// changed tells the client to evaluate again. The id is the position and the instant,
// from which the stream goes on; the etag is the position, for which the evaluation waits.
func (b *browser) changed(at uint64, now time.Time) bool {
	modified := b.flags.When(at)
	if modified.IsZero() {
		modified = now
	}
	return b.write(fmt.Sprintf("id: %d-%d\nevent: message\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"\\\"%[1]d\\\"\",\"lastModified\":%[3]d}\n\n", at, now.UnixMilli(), modified.Unix()))
}

func (b *browser) alive() bool { return b.write(":\n\n") }

func (b *browser) write(text string) bool {
	if err := b.control.SetWriteDeadline(time.Now().Add(takes)); err != nil {
		return false
	}
	if _, err := b.w.Write([]byte(text)); err != nil {
		return false
	}
	return b.control.Flush() == nil && b.control.SetWriteDeadline(time.Time{}) == nil // over HTTP/2 it would end the stream, written to or not
}
