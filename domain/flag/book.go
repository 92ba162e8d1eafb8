package flag

import (
	"cmp"
	"encoding/json"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A Book holds everything that flags are decided from, as it was at each position
// of the log, in memory. It is only ever added to: every flag, node and override
// keeps its versions, and a question is answered from those that were there at
// the position that it is about. So "now" and "as of then" are one code, readers
// take no lock, wait for nobody and never see half of an event; but for Last and
// When, which take one that is held while an event's time is noted.
type Book struct {
	Gate Gate // whether nodes are entitled to flags; everything is allowed if nil. Set it before the first question

	writer   sync.Mutex
	position atomic.Uint64 // of the newest event that can be asked about
	clock    clock
	flags    *register[Key, entry]
	listed   atomic.Pointer[[]*entry] // the flags in the order of their keys
	numbered uint32                   // flags that have a number; of the writer
	nodes    *register[uuid.UUID, spot]
	names    *register[digest, naming]
	formers  *register[digest, former]  // of names that were given again
	homes    *register[uuid.UUID, home] // of users who ever said something: few nodes are
	hosted   map[*spot]*home            // whose guest a user is; of the writer
	segments *register[SegmentKey, roll]
	words    words
	interned interned // words that nodes may come to share
	required atomic.Pointer[map[uuid.UUID]requirement]
	blind    atomic.Uint64 // position of the first fact about flags that cannot be read or held
	watches  []*Watch      // of the writer
}

// ErrBlind: something about flags is in the log that this build cannot read, or has no
// room for: it can take a million flags, four thousand million nodes, names and things
// that are said, and 17 million million positions. What flags come to from there on is
// not known, and nothing is made up.
var ErrBlind = &domain.Error{Kind: domain.Unavailable, Code: "flags-unreadable", Detail: "the log holds facts about flags that this build cannot read; they are not evaluated"}

// NewBook is the book of an empty log.
func NewBook() *Book {
	b := &Book{interned: interned{}, hosted: map[*spot]*home{}}
	b.flags = newRegister(func(k Key) uint64 { return maphash.String(seed, string(k)) }, func(e *entry) Key { return e.key })
	b.nodes = newRegister(func(id uuid.UUID) uint64 { return maphash.Bytes(seed, id[:]) }, func(s *spot) uuid.UUID { return s.id })
	b.names, b.formers, b.homes, b.segments = newNames(), newFormers(), newHomes(), newRolls()
	b.listed.Store(new([]*entry))
	b.link(domain.PlatformID, 0, func(l *link) { l.level = indexOf(levels, domain.PlatformLevel) })
	return b
}

// An entry is a flag with all the editions of its definition.
type entry struct {
	number uint32
	key    Key
	newest atomic.Pointer[edition]
}

// An edition is a flag from a position on.
type edition struct {
	Flag
	position         uint64
	defined, settled uint64            // positions of the facts that gave it definition and status
	bound            uint64            // and of that which made it depend on others
	names            map[string]string // of values, as variants spell them; nil if it has none
	before           *edition
}

// A spot is a node with all that ever was so of it.
type spot struct {
	id     uuid.UUID
	newest atomic.Pointer[link]
	says   atomic.Pointer[versions]
}

// A link is where a node hangs and how it stands, from a position on.
type link struct {
	low      uint32 // of the position, which would take as much again on its own
	high     uint16
	level    uint8 // of levels
	standing uint8 // of standings
	above    *spot
	before   *link
}

func (l *link) position() uint64 { return uint64(l.high)<<32 | uint64(l.low) }

var (
	levels    = []domain.Level{"", domain.PlatformLevel, domain.IntegratorLevel, domain.TenantLevel, domain.UserLevel}
	standings = []domain.Standing{domain.Absent, domain.Pending, domain.Usable, domain.Barred, domain.Closed, domain.Ended}
)

// Apply learns one event; those that it has learned already do nothing. From one
// on that it needs and cannot read or has no room for, every question is answered with
// ErrBlind. It never fails.
func (b *Book) Apply(r domain.Recorded) error {
	b.writer.Lock()
	defer b.writer.Unlock()
	if r.Position <= b.position.Load() || !Concerns(r.Stream) {
		return nil
	}
	r.Err = b.learn(r)
	b.clock.tick(r.Position, r.Meta.At)
	b.witness(r)
	b.position.Store(r.Position)
	return nil
}

// Concerns reports whether a stream may say something that flags are decided from.
func Concerns(s domain.StreamID) bool {
	category, _, _ := strings.Cut(string(s), "-")
	switch category {
	case "platform", "integrator", "tenant", "user", "flag", "nodeflags", "flaggraph", "segment", "featureset", "approvals":
		return true
	}
	return false
}

// Err is ErrBlind if nothing can be evaluated as of now.
func (b *Book) Err() error {
	if b.blind.Load() != 0 {
		return ErrBlind
	}
	return nil
}

// Position is of the newest event that was applied.
func (b *Book) Position() uint64 { return b.position.Load() }

// mostFlags is one less than there are numbers for, so that each has one after it.
const mostFlags = 1<<(64-positionBits) - 1

// full reports whether there may be no room for an event: a number or a position that
// is cut off would be that of something else. No event adds ten things of a kind.
func (b *Book) full(position uint64) bool {
	most := max(b.nodes.things.count, b.names.things.count, b.segments.things.count, b.words.before+b.words.count)
	return position > lastPosition || b.numbered >= mostFlags || most > mostThings-10
}

// learn learns one event, unless that cannot be: then it says why.
func (b *Book) learn(r domain.Recorded) error {
	if r.Err == nil && b.full(r.Position) {
		r.Err = ErrBlind
	}
	if r.Err != nil {
		b.blind.CompareAndSwap(0, r.Position)
		b.doubt(r.Stream)
		return r.Err
	}
	if e, ok := r.Event.(domain.Placed); ok {
		node, level, parent := e.Placed()
		b.place(node, indexOf(levels, level), parent, r.Position)
	}
	if e, ok := r.Event.(domain.Stands); ok {
		node, standing := e.Stands()
		b.link(node, r.Position, func(l *link) { l.standing = indexOf(standings, standing) })
	}
	if e, ok := r.Event.(domain.Called); ok {
		b.call(e, r.Position)
	}
	if e, ok := r.Event.(domain.Houses); ok {
		if user, home := e.Houses(); user != "" {
			b.house(user, home, r.Position)
		}
	}
	switch e := r.Event.(type) {
	case interface{ flag() Key }:
		b.edit(e.flag(), r)
	case PrerequisitesSet:
		b.edit(e.Flag, r)
	}
	if e, ok := r.Event.(domain.Requires); ok {
		b.require(e)
	}
	b.say(r)
	b.gather(r)
	return nil
}

func indexOf[T comparable](list []T, v T) uint8 {
	for i := range list {
		if list[i] == v {
			return uint8(i)
		}
	}
	return 0
}

// place hangs a node where it is said to hang. What an id names does not change its
// kind: a fact that says that it does is passed over, as it is by those who decide
// on access.
func (b *Book) place(node domain.NodeID, level uint8, parent domain.NodeID, at uint64) {
	if l := b.spot(node).newest.Load(); l == nil || l.level == 0 || l.level == level {
		b.link(node, at, func(l *link) { l.level, l.above = level, b.spot(parent) })
		if s := b.spot(node); s.says.Load() != nil {
			b.host(s)
		}
	}
}

// house hangs a user under its home that has no history of its own.
func (b *Book) house(user, home domain.NodeID, at uint64) {
	if s := b.spot(user); s.newest.Load() == nil {
		b.link(user, at, func(l *link) {
			l.level, l.standing, l.above = indexOf(levels, domain.UserLevel), indexOf(standings, domain.Usable), b.spot(home)
		})
	}
}

// link adds a version of a node. Several facts of one event make one version; in a
// draft, where all are at one position, they are told apart.
func (b *Book) link(node domain.NodeID, at uint64, change func(*link)) {
	s := b.spot(node)
	next := &link{}
	if before := s.newest.Load(); before != nil {
		*next = *before
		next.before = before
		if before.position() == at && !b.drafted() {
			next.before = before.before
		}
	}
	next.high, next.low = uint16(at>>32), uint32(at)
	change(next)
	s.newest.Store(next)
}

// spot is that of a node, which is made if it is new; nil for no node.
func (b *Book) spot(node domain.NodeID) *spot {
	if node == "" {
		return nil
	}
	id := idOf(node)
	if s := b.nodes.own(id); s != nil {
		return s
	}
	return b.copied(id)
}

// platform is the id of the one node that has no UUID.
var platform = uuid.Max

// idOf is the UUID of a node. What is no UUID is no node that anybody can have
// made; it becomes the nil UUID, which is none either.
func idOf(node domain.NodeID) uuid.UUID {
	if node == domain.PlatformID {
		return platform
	}
	id, err := uuid.Parse(string(node))
	if err != nil || id == platform {
		return uuid.Nil
	}
	return id
}

func nodeOf(id uuid.UUID) domain.NodeID {
	if id == platform {
		return domain.PlatformID
	}
	return domain.NodeID(id.String())
}

// edit adds an edition of a flag.
func (b *Book) edit(k Key, r domain.Recorded) {
	e := b.flags.own(k)
	known := e != nil
	if !known {
		e = b.entry(k)
	}
	next := &edition{position: r.Position}
	if before := e.newest.Load(); before != nil {
		*next = *before
		next.position, next.before = r.Position, before
	}
	now := next.Flag.Evolve(r.Event)
	if now.Status != next.Status {
		next.settled = r.Position
	}
	next.Flag = now
	switch r.Event.(type) {
	case Defined, Updated:
		next.defined = r.Position
		next.spell()
	case PrerequisitesSet:
		next.bound = r.Position
	}
	e.newest.Store(next)
	if !known {
		b.list(e)
	}
}

// spell finds the names of the values that variants have.
func (f *edition) spell() {
	f.names = nil
	for _, v := range f.Definition.Variants {
		if f.names == nil {
			f.names = map[string]string{}
		}
		f.names[string(v)] = f.Definition.variantOf(v)
	}
}

// name is the variant that a value is.
func (f *edition) name(v json.RawMessage) string {
	if f.names == nil {
		return ""
	}
	if name, ok := f.names[string(v)]; ok {
		return name
	}
	return f.Definition.variantOf(v) // which may still be spelled otherwise
}

// list adds a flag to those that are answered all at once, in the place of the same
// one if a draft has its own.
func (b *Book) list(e *entry) {
	old := *b.listed.Load()
	at, there := slices.BinarySearchFunc(old, e.key, func(e *entry, k Key) int { return cmp.Compare(e.key, k) })
	rest := old[at:]
	if there {
		rest = rest[1:]
	}
	next := slices.Concat(old[:at], []*entry{e}, rest)
	b.listed.Store(&next)
}
