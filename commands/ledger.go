package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// Log is what a command needs from the event log.
type Log interface {
	// Read returns the events of a stream from a revision on; none if there is no such stream.
	Read(ctx context.Context, stream domain.StreamID, from uint64) ([]domain.Recorded, error)
	// Append writes facts, the first at revision next or at domain.AtEnd, or fails with
	// domain.ErrRaced, ErrLogUnavailable, ErrLogFull, ErrAppendTooLarge (nothing written) or
	// ErrOutcomeUnknown.
	Append(ctx context.Context, stream domain.StreamID, next uint64, m domain.Meta, facts []domain.Proposed) (domain.Receipt, error)
}

// A Survey lists the tenants under an integrator that are not deleted, at the
// present head of the log.
type Survey func(ctx context.Context, integrator domain.IntegratorID) ([]domain.TenantID, error)

// A Room refuses one more of a population at a node with domain.ErrNodeFull. It may
// count late, so that a few too many pass that come at once.
type Room func(domain.Population, domain.NodeID) error

// Flags is the book of flags, once it holds everything up to the head of the log.
type Flags func(context.Context) (*flag.Book, error)

// Shown is told of every look at a preview: which, whose, since when, and how many rows
// it had or why it was refused.
type Shown func(name string, r edge.Request, began time.Time, rows int, err error)

// Approvals is how many approvals a node asks for.
type Approvals func(domain.NodeID) int

// Holds reports whether a principal, by its id, has a permission at a node now.
type Holds func(who string, what domain.Permission, at domain.NodeID) bool

// A Forge makes a new signing key of an algorithm, its private part sealed.
type Forge func(alg string) (domain.SigningKey, error)

// Options are what a Ledger needs besides the log.
type Options struct {
	NameKey []byte           // secret of keyed stream names; must stay the same for the life of the log
	Now     func() time.Time // nil: the clock
	Survey  Survey
	Room    Room  // nil: for any number
	Forge   Forge // nil: signing keys cannot be made here
	Flags   Flags // nil: nothing can be previewed here
	Shown   Shown // nil: nobody is told who looks at previews

	Approvals Approvals // nil: no node asks for approvals
	Holds     Holds     // nil: change requests cannot be applied here
	Logger    *slog.Logger
}

// A Ledger is the log as the command side sees it: append-only streams, and a
// memory of the states folded from them. The memory is only ever a saving:
// whether a decision still holds when it is written rests on the expected
// revision of the append.
type Ledger struct {
	log    Log
	o      Options
	memory *lru.Cache[memoryKey, any] // *memory[S]
	heads  *lru.Cache[domain.StreamID, uint64]
	turns  turns
	fence  sync.RWMutex // held alone where nothing may come between a preview and its commit
	flying sync.Map     // idempotency scope and key of commands under way
}

// remembered is how many folded streams a Ledger keeps.
const remembered = 8192

// NewLedger returns a Ledger on a log.
func NewLedger(log Log, o Options) *Ledger {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	memory, _ := lru.New[memoryKey, any](remembered)
	heads, _ := lru.New[domain.StreamID, uint64](4 * remembered)
	return &Ledger{log: log, o: o, memory: memory, heads: heads}
}

// now is the instant of a command, in the precision that the log keeps.
func (l *Ledger) now() time.Time { return l.o.Now().UTC().Truncate(time.Millisecond) }

// digest names a value in a stream name without telling it: names in the log
// outlive every erasure.
func (l *Ledger) digest(parts ...string) string {
	mac := hmac.New(sha256.New, l.o.NameKey)
	for _, p := range parts {
		mac.Write([]byte(p))
		mac.Write([]byte{0})
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
