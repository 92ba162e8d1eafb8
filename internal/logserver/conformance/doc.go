// Package conformance holds one suite for everything that speaks the
// EventStoreDB protocol. Each behaviour that clients rely on is a test with a
// name of its own, and is observed through a client only: the official one, or
// its generated stubs for what the official one cannot say.
//
// By default the suite runs against the embedded server, started in the test's
// own process. REEVE_CONFORMANCE_URL names another one:
//
//	REEVE_CONFORMANCE_URL='esdb://admin:changeit@localhost:2113?tlsCAFile=ca.crt' go test ./internal/logserver/conformance
//
// That one may hold anything already and others may use it: the suite writes to
// streams with new names only, and looks at nothing else. Credentials must be
// an administrator's. What cannot be observed there is left out: leftOut names
// it, with the reason.
//
// With REEVE_SOAK=1 idle clients idle for a minute and loads are what they are
// in reality.
package conformance
