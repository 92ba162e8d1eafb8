// Package eventstore is the log as Reeve uses it, through the official
// EventStoreDB client: read a stream, append at an exact revision, follow the
// whole log in pages.
//
//	store, err := eventstore.Open("esdb://127.0.0.1:2113?tls=false", registry, eventstore.Options{})
//	history, err := store.Read(ctx, stream, 0)
//	receipt, err := store.Append(ctx, stream, uint64(len(history)), meta, facts)
//	for page, err := range store.Pages(ctx, cursor, 1000) { ... }
//
// It looks after what the client does not: every call ends in time, a client
// that can no longer reach its server is replaced before that harms anybody (see
// session), a dropped or silent subscription goes on from the last page, and
// every failure is told as done, not done or unknown (errors.go is the only place
// that reads the client's errors). Appends to a log of one node can do without the
// client, which makes a call of each (see ferry).
package eventstore
