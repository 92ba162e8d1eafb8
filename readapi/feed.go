package readapi

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/singleflight"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/reeve-platform/reeve/domain"
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

	effects *lru.Cache[uint64, effect] // of the newest facts, which many want to be told of
	asked   singleflight.Group
}

// FeedPath is where the feed is served.
const FeedPath = "/v1/stream"

const (
	feeding     = "GET " + FeedPath
	lasts       = 15 * time.Minute // a feed; then its reader comes again, with credentials that are good by then
	fewEffects  = 16               // are remembered
	fewPlaces   = 2 * flag.Listed  // and shifts of them altogether, but for the newest's
	replayed    = 1000             // facts are told one by one to who comes back
	atOnce      = 64 << 10         // bytes of notices that are sent together
	feedEnds    = "the feed has ended; come again with the id of the last notice as Last-Event-ID"
	oneEffectIn = 30 * time.Second
)

// NewFeed is the feed of a source.
func NewFeed(s *Source, follow func(context.Context, uint64) iter.Seq2[domain.Page, error]) *Feed {
	effects, _ := lru.New[uint64, effect](fewEffects)
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

// A Missed is that more has come than is told one by one to who comes back: whatever is
// of interest is to be read anew, and the feed goes on from there.
type Missed struct {
	Position uint64 `json:"position" doc:"Of the newest fact of which nothing is told."`
}

// A NodeGone is that a node does not hang below what the reader may see any more. Where
// it hangs is not told.
type NodeGone struct {
	Position uint64        `json:"position" doc:"Of the fact."`
	Node     domain.NodeID `json:"node" doc:"The node."`
	At       time.Time     `json:"at" doc:"When."`
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
// comes with it as Last-Event-ID misses nothing and is told nothing twice, unless it was
// away for so long that it is told to read anew.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reader, from, err := f.admit(r)
	if err != nil {
		edge.Refuse(w, r, err)
		return
	}
	ctx, leave, ok := f.Room.enter(r.Context(), reader.who)
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
	reader.read(ctx, from)
	f.Source.Note("feed", reader.request, began, reader.told, nil)
}

// ErrStreams: as many clients follow streams as may.
var ErrStreams = &domain.Error{Kind: domain.Exhausted, Code: "too-many-streams", Detail: "as many streams are open as may be; close one, or try again later"}

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
	if f.Source.Flags.Since(from) > replayed {
		to.missed = head
		return to, head, nil
	}
	return to, from, nil
}

// An effect is what a fact changed when it came. Where that is too much to be kept for
// many readers it is only the places, without a flag, that something is found out at for
// each reader.
type effect struct {
	*flag.Prospect
	shifts []flag.Shift
	places []flag.Place
	many   bool
}

// effect finds out what a fact changed.
func (f *Feed) effect(e domain.Recorded) (effect, error) {
	if known, ok := f.effects.Get(e.Position); ok {
		return known, nil
	}
	found, err, _ := f.asked.Do(strconv.FormatUint(e.Position, 10), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), oneEffectIn) // others wait for it, too
		defer cancel()
		found := effect{Prospect: f.Source.Flags.IfAt(e.Position-1, e.Meta, e.Event)}
		for s, err := range found.Each(ctx) {
			if err != nil {
				return effect{}, err
			}
			found.add(&s)
		}
		f.keep(e.Position, found)
		return found, nil
	})
	known, _ := found.(effect)
	return known, err
}

// add keeps a shift, or where it is if there are many.
func (e *effect) add(s *flag.Shift) {
	if n := len(e.places); n == 0 || e.places[n-1].Node != s.Node {
		e.places = append(e.places, s.Place)
		e.places[n].Flag = ""
	}
	if e.many = e.many || len(e.shifts) == flag.Listed; e.many {
		e.shifts = nil
		return
	}
	e.shifts = append(e.shifts, *s)
}

// keep remembers an effect, and forgets the oldest where they are too much.
func (f *Feed) keep(position uint64, e effect) {
	f.effects.Add(position, e)
	for f.effects.Len() > 1 {
		all := 0
		for _, known := range f.effects.Values() {
			all += len(known.shifts) + len(known.places)
		}
		if all <= fewPlaces {
			return
		}
		f.effects.RemoveOldest()
	}
}
