// Package logserver is a durable event log that speaks the EventStoreDB gRPC
// protocol on one port, so that the official clients of that database work
// against it unchanged. It knows streams, revisions and bytes; what the events
// mean is other people's business. By default it is there for its own machine;
// see Security for the rest.
//
//	s, err := logserver.Open(logserver.Options{Dir: "data/log"})
//	...
//	go func() { fatal <- s.Serve() }()
//	client, err := esdb.NewClient(esdb.ParseConnectionString(s.URL()))
//
// Three promises hold at all times:
//
//   - An append is acknowledged only after it is synced to the disk, and it is
//     there wholly or not at all.
//   - Readers see nothing that could still be lost.
//   - A log from which acknowledged events are missing is refused, never
//     silently continued.
//
// DESIGN.md says why the package is cut where it is.
package logserver
