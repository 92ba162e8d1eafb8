package readapi

import (
	"cmp"
	"context"
	"encoding/json"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// What flags come to is answered from the source's book of flags: now, as of any
// position, and while the database is not there. Of the facts behind an answer the
// book knows the positions; who and why are read from the log.

// Whom tells the place that a flag is evaluated at, and for whom.
type Whom struct {
	Node domain.NodeID `json:"node,omitempty" query:"node" doc:"The node; the user's home, or else the platform, if left out."`
	User domain.UserID `json:"user,omitempty" query:"user" doc:"A user whose home is the node."`
	Key  string        `json:"key,omitempty" query:"key" maxLength:"256" doc:"Targeting key; the user if left out."`
	With string        `json:"context,omitempty" query:"context" maxLength:"16384" doc:"Attributes of whom it is evaluated for, as a JSON object."`
}

// Nodes are the node, or the user if that is all there is. A user nobody has heard
// of can only be asked about at a node.
func (q Whom) Nodes() []domain.NodeID {
	switch {
	case q.Node != "":
		return []domain.NodeID{q.Node}
	case q.User != "":
		return []domain.NodeID{domain.NodeID(q.User)}
	}
	return nil
}

// ErrContext: whom a flag is to be evaluated for cannot be read.
var ErrContext = &domain.Error{Kind: domain.Invalid, Code: "invalid-context", Detail: "the context must be a JSON object, nested at most 16 levels deep"}

// context is whom the question is about, apart from the node.
func (q Whom) context() (*flag.Context, error) {
	c := &flag.Context{Key: cmp.Or(q.Key, string(q.User)), User: q.User}
	if q.With == "" {
		return c, nil
	}
	if deeper([]byte(q.With), maxContextDepth) || json.Unmarshal([]byte(q.With), &c.Attributes) != nil || c.Attributes == nil {
		return c, ErrContext.At("context", "must be a JSON object, nested at most 16 levels deep")
	}
	return c, nil
}

// AsOf tells as of when a question is to be answered.
type AsOf struct {
	Instant  time.Time `json:"asOf,omitzero" query:"asOf" doc:"As of which instant: from everything that had happened by then. As of now if left out."`
	Position uint64    `json:"atPosition,omitempty" query:"atPosition" doc:"As of which position of the log, in place of an instant."`
}

var (
	// ErrAsOf: a question is to be answered as of two things.
	ErrAsOf = &domain.Error{Kind: domain.Invalid, Code: "ambiguous-as-of", Detail: "give asOf or atPosition, and not both"}
	// ErrBeforeAll: nothing had happened yet.
	ErrBeforeAll = &domain.Error{Kind: domain.NotFound, Code: "before-everything", Detail: "nothing had happened yet at that instant"}
)

func (q AsOf) past() bool { return q.Position > 0 || !q.Instant.IsZero() }

// reaches is the position that must be known to answer.
func (q AsOf) reaches() uint64 { return q.Position }

// in finds the position, 0 for everything that is known, and the instant of it.
func (q AsOf) in(b *flag.Book) (position uint64, at time.Time, err error) {
	switch {
	case q.Position > 0 && !q.Instant.IsZero():
		return 0, at, ErrAsOf.At("asOf", "cannot be given together with atPosition")
	case q.Position > 0:
		position, at = q.Position, b.When(q.Position)
		if at.IsZero() {
			return 0, at, ErrBeforeAll
		}
	case !q.Instant.IsZero():
		if position, at = b.Last(q.Instant), q.Instant.UTC(); position == 0 {
			return 0, at, ErrBeforeAll
		}
	default:
		at = time.Now().UTC().Truncate(time.Millisecond)
	}
	return position, at, nil
}

// A memory is the book of flags for somebody who may see a scope of it.
type memory struct {
	*Source
	scope domain.Scope
	least uint64 // what is known by now
}

// A recalled question is answered from memory, with the position at which that is
// true.
type recalled[R any] interface {
	reaches() uint64
	recall(context.Context, memory) (R, uint64, error)
}

// lookedAt are the tables that would be looked at for what is answered from memory.
var lookedAt = []string{"flag_overrides", "flags", "nodes", "segments", "users"}

// remembered declares a question that is answered from memory. Tables are what its
// record says was looked at.
func remembered[Q recalled[R], R any](name, route string, needs domain.Permission, summary string, tables ...string) edge.Entry[*Source] {
	e := edge.Entry[*Source]{Name: name, Route: route, Needs: needs, Summary: summary, Input: reflect.TypeFor[Q](), Output: reflect.TypeFor[R]()}
	e.Call = func(ctx context.Context, s *Source, bind edge.Bind, r edge.Request) (edge.Answer, error) {
		var q Q
		if err := bind(&q); err != nil {
			return edge.Answer{}, err
		}
		return recall(ctx, s, q, View{Name: name, Scope: r.Scope, Least: r.MinPosition, Tables: tables, Trace: r.Meta.CorrelationID, Across: r.Across})
	}
	return e
}

// either declares a question that tables answer as of now, and memory as of then.
func either[Q interface {
	Query[R]
	recalled[R]
	past() bool
}, R any](name, route string, needs domain.Permission, summary string, tables ...string) edge.Entry[*Source] {
	e := On[Q](name, route, needs, summary, tables...)
	e.Call = func(ctx context.Context, s *Source, bind edge.Bind, r edge.Request) (edge.Answer, error) {
		var q Q
		if err := bind(&q); err != nil {
			return edge.Answer{}, err
		}
		v := View{Name: name, Scope: r.Scope, Least: r.MinPosition, Tables: tables, Trace: r.Meta.CorrelationID, Across: r.Across}
		if q.past() {
			return recall(ctx, s, q, v)
		}
		return answer(ctx, s, q, v)
	}
	return e
}

// recall answers from memory, and leaves the record that a statement would.
func recall[R any](ctx context.Context, s *Source, q recalled[R], v View) (edge.Answer, error) {
	if len(v.Scope.Paths) == 0 {
		return edge.Answer{}, ErrUnscoped.With("question " + v.Name)
	}
	least := max(v.Least, q.reaches())
	if err := s.awaitBook(ctx, least); err != nil {
		return edge.Answer{}, plain(err)
	}
	began := time.Now()
	body, at, err := q.recall(ctx, memory{s, v.Scope, least})
	record := accessOf(v, v.Tables, began, rowsOf(body, err), err)
	if v.Across {
		if unrecorded := s.records.attest(ctx, v, []look{record}, err); unrecorded != nil {
			return edge.Answer{}, unrecorded
		}
	} else {
		s.records.note(record)
	}
	if err != nil {
		return edge.Answer{}, err
	}
	return edge.Answer{Body: body, Position: at}, nil
}

// Note leaves the record of a look at the book of flags that was not asked for here:
// that of a preview.
func (s *Source) Note(name string, r edge.Request, began time.Time, rows int, err error) {
	s.records.note(accessOf(View{Name: name, Scope: r.Scope, Trace: r.Meta.CorrelationID}, lookedAt, began, int64(rows), err))
}

// rowsOf is how many rows an answer tells of.
func rowsOf(body any, err error) int64 {
	switch list, ok := body.(interface{ rows() int }); {
	case err != nil:
		return 0
	case ok:
		return int64(list.rows())
	}
	return 1
}

func (l List[Row]) rows() int { return len(l.Items) }

// place is the node that a question is about as of a position: that which it names,
// or else the user's home, or else the platform. What the reader must not know of is
// not found.
func (m memory) place(q Whom, position uint64) (domain.NodeID, error) {
	switch {
	case q.Node != "" && m.covers(m.scope, q.Node):
		return q.Node, nil
	case q.Node == "" && q.User == "":
		return domain.PlatformID, nil // what is said there is said to everybody
	case q.Node == "":
		if home, ok := m.Flags.Home(q.User, position); ok && (m.covers(m.scope, domain.NodeID(q.User)) || m.covers(m.scope, home)) {
			return home, nil
		}
	}
	return "", flag.ErrNodeNotFound
}

// trueAt is the position that an answer is true at: the one it was asked as of, or else
// all that is known.
func (m memory) trueAt(position, seen uint64) uint64 {
	if position > 0 {
		return seen
	}
	return max(seen, m.least)
}

// tells reports whether who did something at a node, and why, may be told to the
// reader. A user belongs to the place that was asked about.
func (m memory) tells(node, user, place domain.NodeID) bool {
	if node == user && user != "" {
		node = place
	}
	return m.covers(m.scope, node)
}

// named is a node as it is told to the reader: one that is neither theirs nor above
// them now, because the place hung somewhere else then, has no name for them.
func (m memory) named(node, user, place domain.NodeID) domain.NodeID {
	if m.tells(node, user, place) || node == domain.PlatformID || m.scope.Above(node) {
		return node
	}
	return ""
}

const (
	knownFacts = 4096        // how many are remembered
	factTime   = time.Second // how long facts are read for one answer
	factsAside = 8           // how many are read at the same time
)

// cited are the facts at positions. Of those that the log does not give, because it
// cannot be reached, only the positions are known.
func (m memory) cited(ctx context.Context, positions ...uint64) map[uint64]cascade.Origin {
	out := map[uint64]cascade.Origin{0: {}}
	var unknown []uint64
	for _, p := range positions {
		if _, seen := out[p]; seen {
			continue
		}
		fact, known := m.facts.Get(p)
		if !known {
			fact.Position, unknown = p, append(unknown, p)
		}
		out[p] = fact
	}
	if m.Fact == nil || len(unknown) == 0 {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, factTime)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(factsAside)
	var mu sync.Mutex
	for _, p := range unknown {
		g.Go(func() error {
			r, err := m.Fact(ctx, p)
			if err != nil {
				if domain.KindOf(err) == domain.NotFound {
					return nil // what was taken away is not a reason to ask for no other
				}
				return err
			}
			fact := cascade.OriginOf(r)
			m.facts.Add(p, fact)
			mu.Lock()
			defer mu.Unlock()
			out[p] = fact
			return nil
		})
	}
	_ = g.Wait() // the answer is true without them
	return out
}
