package edge

import (
	"context"
	"reflect"

	"github.com/reeve-platform/reeve/domain"
)

// A Request is what every surface knows about a call besides its input.
type Request struct {
	Meta        domain.Meta  // actor, reason, correlation, idempotency key; At is set by the write path
	Keyed       bool         // the caller chose Meta.CommandID, so a repeat must have one effect
	IfMatch     *uint64      // revision the caller decided on, nil for any
	Preview     string       // name of what the caller was shown that a command would change, "" if nothing
	Change      string       // the approved change request that asks for it, "" for none; no surface sets it
	MinPosition uint64       // a read must not be older than this, 0 for any
	Caller      Caller       // who asks
	Scope       domain.Scope // what a read may see; set for the entry that is called
	Across      bool         // a read asks to see all tenants, whatever the caller is bound to
}

// An Answer is a value and where in the log it is true.
type Answer struct {
	Body     any
	Position uint64 // of the write, or at which a read was answered
}

// An Entry is one command or query as the outside world sees it. D is what it
// runs against. Everything REST, GraphQL, the command line and the documents
// say about it is read off this value.
type Entry[D any] struct {
	Name    string            // GraphQL field; the command-line verb is made from it
	Route   string            // method and path pattern, such as "POST /v1/tenants/{tenant}/suspend"
	Needs   domain.Permission // at every node that the input names
	Summary string            // one sentence for people
	Writes  bool              // a command, not a query
	Creates bool              // a command that brings something into being
	Input   reflect.Type
	Output  reflect.Type
	Call    func(ctx context.Context, d D, bind Bind, r Request) (Answer, error)
}

// Bind fills the struct that dst points to from whatever the caller sent.
type Bind func(dst any) error

// A Served entry has found what it runs against, and lets nobody through who may
// not.
type Served struct {
	Name, Route, Summary string
	Needs                domain.Permission
	Writes, Creates      bool
	Input, Output        reflect.Type
	Call                 func(ctx context.Context, bind Bind, r Request) (Answer, error)
}

// With gives a catalogue what it runs against and sets the guard before it. A zero
// d is fine for whoever only reads the catalogue. It panics on an entry without a
// permission: what everybody may do, or nobody, must not be served.
func With[D any](d D, catalog []Entry[D]) []Served {
	out := make([]Served, 0, len(catalog))
	for _, e := range catalog {
		call := func(ctx context.Context, bind Bind, r Request) (Answer, error) { return e.Call(ctx, d, bind, r) }
		out = append(out, Served{e.Name, e.Route, e.Summary, e.Needs, e.Writes, e.Creates, e.Input, e.Output, guarded(wallOf(e.Name, e.Needs, e.Writes), call)})
	}
	return out
}
