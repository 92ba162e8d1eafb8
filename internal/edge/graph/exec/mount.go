// Package exec executes GraphQL documents. Nearly all of it is generated from
// the catalogues: whoever adds a command or a query runs "make generate" and
// edits nothing here. [Relations] is written by hand.
//
// It is the one part of the edge that knows the rows it answers with, because
// generated code must name their Go types.
package exec

import (
	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/graph"
	"github.com/reeve-platform/reeve/readapi"
)

// Mount serves entries, and the relations of what s answers, under /graphql; see
// [graph.Mount].
func Mount(r chi.Router, o edge.Options, s *readapi.Source, entries ...edge.Served) {
	graph.Mount(r, o, graph.Surface{Schema: schema(), Entries: entries, Relations: Relations(s)})
}
