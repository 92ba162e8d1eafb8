package domain

import (
	"math"

	"github.com/google/uuid"
)

// A Command decides, from the state of one stream, which facts to record.
// Decide is pure: no clock (use Meta.At), no randomness, no I/O. No events
// means there is nothing to do, which is success.
type Command[S State[S]] interface {
	Stream() StreamID
	Decide(S, Meta) ([]Event, error)
}

// A Reader is a command whose rule needs facts of other streams. Their events
// are folded into the same state before the command decides. Reads is asked
// again after each fold, so that one stream may name the next, until it names
// nothing new. These reads are not atomic with the append: a rule that rests on
// them must also hold when the value is used.
type Reader[S any] interface{ Reads(S) []StreamID }

// A Creator is a command that brings a stream into being. Named returns the
// command with id in the place its caller left empty; Chosen reports the id the
// command has, empty if none.
type Creator[C any] interface {
	Named(id uuid.UUID) C
	Chosen() string
}

// A Fleeting command is never asked twice under one idempotency key, and its rule
// rests on nothing in its own stream. The write path neither reads that stream nor
// remembers that the command was done: however many such facts there are, and
// whatever of them has expired, the next is added at their end at once.
type Fleeting interface{ Fleeting() }

// AtEnd is where a fact goes whose place in the stream does not matter: behind
// whatever is there.
const AtEnd uint64 = math.MaxUint64

// A Claimant is a command whose facts need values that nobody else holds, such
// as a slug. Claims is asked with the state before the command and the facts it
// decided; what it takes is reserved before the append and confirmed after, what
// it gives back is released after.
type Claimant[S any] interface {
	Claims(before S, facts []Event) (take, release []Claim)
}

// A Surveyor is a command whose rule needs to know which tenants hang under an
// integrator. Before it decides, the write path asks the read side, at a position
// no older than the log's head, and hands the answer to Surveyed, which returns
// the command with it.
type Surveyor[C any] interface {
	Surveys() IntegratorID
	Surveyed(tenants []TenantID) C
}

// A Claim is a value that at most one stream may hold. Value is compared after
// normalisation, so that Acme, ACME and a full-width spelling are one.
type Claim struct {
	Kind  string // such as "tenant-slug"
	Value string
}

// An Owner is where a stream belongs in the tree; the empty Owner is the platform.
type Owner struct {
	Integrator IntegratorID
	Tenant     TenantID
}

// Owned is a state that knows its owner; the owner is stamped on every event.
type Owned interface{ Owner() Owner }
