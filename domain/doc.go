// Package domain holds the shapes that every part of Reeve shares, and nothing
// that touches the world: no clock, no randomness, no I/O.
//
// Eight words carry the code base. An [Event] is a fact. A [State] is what the
// rules remember of a stream's events. A [Command] is a wish that decides which
// facts to add. A stream is one ordered history, named by a [StreamID]. A
// projection folds events into rows, and a query asks for rows; they live in
// packages projections and readapi. A decision is a cascaded value with the
// whole story of how it came about (package cascade). An [Error] is a kind and
// a stable code.
//
// Folding events onto the zero state and asking a command to decide is all
// there is to the write side:
//
//	state := domain.Fold(tenant.Tenant{}, history...)
//	facts, err := tenant.Suspend{Tenant: id, Cause: tenant.Billing}.Decide(state, meta)
//
// Each noun has its own package below this one. Nouns do not know each other;
// where a rule of one depends on another, the command names the other's stream
// (see [Reader]) and its state folds the neutral events [Stands] and [Placed].
package domain
