package readapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/singleflight"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A Feed tells what facts change as they come: which flag comes to which other value
// at which node, and how nodes hang and stand.
type Feed struct {
	Source *Source
	// Follow yields the log from behind a position on, and what comes.
	Follow func(ctx context.Context, from uint64) iter.Seq2[domain.Page, error]
	Room   *Streams // which feeds take, too

	effects *lru.Cache[uint64, flag.Effect] // of the newest facts, which many want to be told of
	asked   singleflight.Group
}

// FeedPath is where the feed is served.
const FeedPath = "/v1/stream"

const (
	feeding     = "GET " + FeedPath
	lasts       = 15 * time.Minute // a feed; then its reader comes again, with credentials that are good by then
	fewEffects  = 16               // are remembered
	atOnce      = 64 << 10         // bytes of notices that are sent together
	feedEnds    = "the feed has ended; come again with the id of the last notice as Last-Event-ID"
	oneEffectIn = 30 * time.Second
)

// NewFeed is the feed of a source.
func NewFeed(s *Source, follow func(context.Context, uint64) iter.Seq2[domain.Page, error]) *Feed {
	effects, _ := lru.New[uint64, flag.Effect](fewEffects)
	return &Feed{Source: s, Follow: follow, Room: s.Streams, effects: effects}
}

// A ValueChange is that a flag comes to another value at a node.
type ValueChange struct {
	Position uint64 `json:"position" doc:"Of the fact that changes it."`
	flag.PreviewedChange
}

// Unlisted is that a fact changed more than can be found out in time.
type Unlisted struct {
	Position uint64 `json:"position" doc:"Of the fact."`
}

// A NodeChange is that a node hangs somewhere, or stands in a way, from now on.
type NodeChange struct {
	Position uint64          `json:"position" doc:"Of the fact."`
	Node     domain.NodeID   `json:"node" doc:"The node."`
	Level    domain.Level    `json:"level" doc:"Rung of the tree."`
	Parent   domain.NodeID   `json:"parent,omitempty" doc:"Node it hangs under."`
	Standing domain.Standing `json:"standing" doc:"How far it may be used, those above it considered."`
	At       time.Time       `json:"at" doc:"When."`
}

// ServeHTTP streams notices (WHATWG HTML, server-sent events) until the reader goes, or
// for a quarter of an hour. The id of a notice is a position of the log: a reader that
// comes with it as Last-Event-ID misses nothing and is told nothing twice.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reader, from, err := f.admit(r)
	if err != nil {
		edge.Refuse(w, r, err)
		return
	}
	leave, ok := f.Room.enter(reader.who)
	if !ok {
		edge.Refuse(w, r, ErrStreams)
		return
	}
	defer leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	reader.w, reader.control = w, http.NewResponseController(w)
	began := time.Now()
	reader.read(r.Context(), from)
	f.Source.Note("feed", reader.request, began, reader.told, nil)
}

// ErrStreams: as many clients follow streams as may.
var ErrStreams = &domain.Error{Kind: domain.Exhausted, Code: "too-many-streams", Detail: "as many streams are open as may be; close one, or try again later"}

// A reader is whoever reads a feed, and what it is told of.
type reader struct {
	*Feed
	request edge.Request
	who     string
	scope   domain.Scope
	node    domain.NodeID // and all below; everything in scope if empty
	flags   []flag.Key    // all if none
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  bytes.Buffer
	told    int
}

// admit finds out who reads what, from which position on.
func (f *Feed) admit(r *http.Request) (*reader, uint64, error) {
	if f.Room == nil {
		return nil, 0, ErrStreams
	}
	caller, err := edge.CallerOf(r)
	if err != nil {
		return nil, 0, err
	}
	scope, err := edge.ScopeOf(domain.FlagRead)(r)
	if err != nil {
		return nil, 0, err
	}
	q := r.URL.Query()
	to := &reader{Feed: f, request: edge.Request{Caller: caller, Scope: scope}, who: caller.Actor().ID, scope: scope, node: domain.NodeID(q.Get("node"))}
	for _, k := range q["flag"] {
		to.flags = append(to.flags, flag.Key(k))
	}
	if to.node != "" {
		if err := caller.May(domain.PermissionsOf(domain.FlagRead), to.node); err != nil {
			return nil, 0, err
		}
	}
	head, err := f.Source.head(r.Context())
	if err != nil {
		return nil, 0, plain(err)
	}
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		return to, head, nil
	}
	from, err := strconv.ParseUint(last, 10, 64)
	if err != nil {
		return nil, 0, edge.ErrPosition
	}
	if from > head {
		return nil, 0, ErrBeyondHead
	}
	return to, from, nil
}

// read tells what comes behind a position.
func (to *reader) read(ctx context.Context, from uint64) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	pages := make(chan domain.Page)
	go func() {
		defer close(pages)
		for page, err := range to.Follow(ctx, from) {
			if err != nil {
				return
			}
			select {
			case pages <- page:
			case <-ctx.Done():
				return
			}
		}
	}()
	at := from
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	if !to.send(": " + feedEnds + "\n\n") {
		return
	}
	for {
		select {
		case page, open := <-pages:
			if !open || !to.page(ctx, page) {
				return
			}
			at = page.To
		case <-beat.C:
			if !to.still() || !to.send(fmt.Sprintf("id: %d\n\n", at)) {
				return
			}
		case <-to.Room.Ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// still reports whether the reader may read on.
func (to *reader) still() bool {
	if err := to.Room.Err; err != nil && err() != nil {
		return false
	}
	need := domain.PermissionsOf(domain.FlagRead)
	to.scope.Paths = to.request.Caller.Scope(need).Paths // which may have become less
	if to.node != "" {
		return to.Source.Access.Decide(to.who, need, to.node, time.Now()) == access.Allowed
	}
	return len(to.scope.Paths) > 0
}

// page tells of the facts of a page.
func (to *reader) page(ctx context.Context, page domain.Page) bool {
	for _, e := range page.Events {
		if e.Err != nil || !flag.Concerns(e.Stream) {
			continue
		}
		if !to.still() || !to.fact(ctx, e) {
			return false
		}
	}
	return true
}

// fact tells what one fact changes. Only the last notice of it has an id: who is cut
// off before is told all of it again.
func (to *reader) fact(ctx context.Context, e domain.Recorded) bool {
	if to.Source.awaitBook(ctx, e.Position) != nil {
		return false
	}
	leave, err := edge.Enter(ctx)
	if err != nil {
		return false
	}
	effect, err := to.effect(e)
	leave()
	switch {
	case domain.KindOf(err) == domain.Unavailable: // and will be there for whoever comes again
		return false
	case err != nil: // nor will it be found out next time
		return to.tell("Unlisted", Unlisted{e.Position}) && to.send(fmt.Sprintf("id: %d\n\n", e.Position))
	}
	for i := range effect.Shifts {
		s := &effect.Shifts[i]
		if to.sees(&s.Place) && !to.tell("EffectiveValueChanged", ValueChange{e.Position, s.Told()}) {
			return false
		}
	}
	if n, ok := to.moved(e); ok && !to.tell("NodeChanged", n) {
		return false
	}
	return to.buffer.Len() == 0 || to.send(fmt.Sprintf("id: %d\n\n", e.Position))
}

// effect is what a fact changed when it came.
func (f *Feed) effect(e domain.Recorded) (flag.Effect, error) {
	if known, ok := f.effects.Get(e.Position); ok {
		return known, nil
	}
	found, err, _ := f.asked.Do(strconv.FormatUint(e.Position, 10), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), oneEffectIn) // others wait for it, too
		defer cancel()
		effect, err := f.Source.Flags.EffectAt(ctx, e.Position-1, e.Meta, e.Event)
		if err == nil {
			f.effects.Add(e.Position, effect)
		}
		return effect, err
	})
	effect, _ := found.(flag.Effect)
	return effect, err
}

// sees reports whether the reader is told of a place: one in its scope and below the
// node that it asked about, and of users those that it may read.
func (to *reader) sees(p *flag.Place) bool {
	path := p.Path()
	switch {
	case len(to.flags) > 0 && !slices.Contains(to.flags, p.Flag):
		return false
	case p.Level == domain.UserLevel && !to.request.Caller.Scope(domain.PermissionsOf(domain.UserRead)).Covers(path):
		return false
	}
	return to.scope.Covers(path) && to.below(path)
}

func (to *reader) below(path string) bool {
	if to.node == "" {
		return true
	}
	within, ok := to.Source.Access.Path(to.node)
	return ok && domain.Scope{Paths: []string{within}}.Covers(path)
}

// moved is what a fact says of how a node hangs and stands from then on. Users are no
// nodes that a feed tells of.
func (to *reader) moved(e domain.Recorded) (n NodeChange, ok bool) {
	switch fact := e.Event.(type) {
	case domain.Placed:
		n.Node, _, _ = fact.Placed()
	case domain.Stands:
		n.Node, _ = fact.Stands()
	}
	path, known := to.Source.Access.Path(n.Node)
	if n.Node == "" || !known || len(to.flags) > 0 || !to.scope.Covers(path) || !to.below(path) {
		return n, false
	}
	v, err := to.Source.Flags.Look(flag.Question{Node: n.Node, Position: e.Position})
	if err != nil || v.Level() == domain.UserLevel {
		return n, false
	}
	n.Position, n.At, n.Standing, n.Level = e.Position, e.Meta.At, v.Standing(), v.Level()
	switch n.Level {
	case domain.TenantLevel:
		n.Parent = v.Above(domain.IntegratorLevel)
	case domain.IntegratorLevel:
		n.Parent = domain.PlatformID
	}
	return n, true
}

// tell writes a notice without an id, and sends what has gathered.
func (to *reader) tell(event string, data any) bool {
	text, err := json.Marshal(data)
	if err != nil {
		return false
	}
	to.told++
	fmt.Fprintf(&to.buffer, "event: %s\ndata: %s\n\n", event, text)
	return to.buffer.Len() < atOnce || to.send("")
}

// send reports whether the reader has taken everything.
func (to *reader) send(text string) bool {
	to.buffer.WriteString(text)
	defer to.buffer.Reset()
	if to.control.SetWriteDeadline(time.Now().Add(takes)) != nil {
		return false
	}
	_, err := to.w.Write(to.buffer.Bytes())
	return err == nil && to.control.Flush() == nil
}
