package flag

import (
	"cmp"
	"encoding/json"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A Book holds everything that flags are decided from, as it was at each position
// of the log, in memory. It is only ever added to: every flag, node and override
// keeps its versions, and a question is answered from those that were there at
// the position that it is about. So "now" and "as of then" are one code, readers
// take no lock, wait for nobody and never see half of an event.
type Book struct {
	Gate Gate // whether nodes are entitled to flags; everything is allowed if nil. Set it before the first question

	writer   sync.Mutex
	position atomic.Uint64 // of the newest event that can be asked about
	clock    clock
	flags    *register[Key, entry]
	listed   atomic.Pointer[[]*entry] // the flags in the order of their keys
	nodes    *register[uuid.UUID, spot]
	names    *register[string, naming]
	segments *register[SegmentKey, roll]
	interned map[string]*said // settings that nodes may come to share
	blind    atomic.Uint64    // position of the first fact about flags that cannot be read
}

// ErrBlind: something about flags is in the log that this build cannot read. What
// they come to from there on is not known, and nothing is made up.
var ErrBlind = &domain.Error{Kind: domain.Unavailable, Code: "flags-unreadable", Detail: "the log holds facts about flags that this build cannot read; they are not evaluated"}

// NewBook is the book of an empty log.
func NewBook() *Book {
	b := &Book{interned: map[string]*said{}}
	b.flags = newRegister(func(k Key) uint64 { return maphash.String(seed, string(k)) }, func(e *entry) Key { return e.key })
	b.nodes = newRegister(func(id uuid.UUID) uint64 { return maphash.Bytes(seed, id[:]) }, func(s *spot) uuid.UUID { return s.id })
	b.names, b.segments = newNames(), newRolls()
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
	position uint64
	above    *spot
	before   *link
	level    uint8 // of levels
	standing uint8 // of standings
}

var (
	levels    = []domain.Level{"", domain.PlatformLevel, domain.IntegratorLevel, domain.TenantLevel, domain.UserLevel}
	standings = []domain.Standing{domain.Absent, domain.Pending, domain.Usable, domain.Barred, domain.Closed, domain.Ended}
)

// Apply learns one event; those that it has learned already do nothing. From one
// on that it needs and cannot read, every question is answered with ErrBlind. It
// never fails.
func (b *Book) Apply(r domain.Recorded) error {
	b.writer.Lock()
	defer b.writer.Unlock()
	switch {
	case r.Position <= b.position.Load() || !Concerns(r.Stream):
		return nil
	case r.Err != nil && b.blind.Load() == 0:
		b.blind.Store(r.Position)
	case r.Err == nil:
		b.learn(r)
	}
	b.clock.tick(r.Position, r.Meta.At)
	b.position.Store(r.Position)
	return nil
}

// Concerns reports whether a stream may say something that flags are decided from.
func Concerns(s domain.StreamID) bool {
	category, _, _ := strings.Cut(string(s), "-")
	switch category {
	case "platform", "integrator", "tenant", "user", "flag", "nodeflags", "flaggraph", "segment":
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

func (b *Book) learn(r domain.Recorded) {
	if e, ok := r.Event.(domain.Placed); ok {
		node, level, parent := e.Placed()
		b.link(node, r.Position, func(l *link) { l.level, l.above = indexOf(levels, level), b.spot(parent) })
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
	b.say(r)
	b.gather(r)
}

func indexOf[T comparable](list []T, v T) uint8 {
	for i := range list {
		if list[i] == v {
			return uint8(i)
		}
	}
	return 0
}

// house hangs a user under its home that has no history of its own.
func (b *Book) house(user, home domain.NodeID, at uint64) {
	if s := b.spot(user); s.newest.Load() == nil {
		b.link(user, at, func(l *link) {
			l.level, l.standing, l.above = indexOf(levels, domain.UserLevel), indexOf(standings, domain.Usable), b.spot(home)
		})
	}
}

// link adds a version of a node. Several facts of one event make one version.
func (b *Book) link(node domain.NodeID, at uint64, change func(*link)) {
	s := b.spot(node)
	next := &link{position: at}
	if before := s.newest.Load(); before != nil {
		*next = *before
		next.position, next.before = at, before
		if before.position == at {
			next.before = before.before
		}
	}
	change(next)
	s.newest.Store(next)
}

// spot is that of a node, which is made if it is new; nil for no node.
func (b *Book) spot(node domain.NodeID) *spot {
	if node == "" {
		return nil
	}
	id := idOf(node)
	s := b.nodes.get(id)
	if s == nil {
		s = &spot{id: id}
		b.nodes.add(s)
	}
	return s
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
	e := b.flags.get(k)
	known := e != nil
	if !known {
		e = &entry{number: uint32(b.flags.count), key: k}
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
		b.flags.add(e)
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

// list adds a flag to those that are answered all at once.
func (b *Book) list(e *entry) {
	old := *b.listed.Load()
	at, _ := slices.BinarySearchFunc(old, e.key, func(e *entry, k Key) int { return cmp.Compare(e.key, k) })
	next := slices.Concat(old[:at], []*entry{e}, old[at:])
	b.listed.Store(&next)
}

// as is the edition that counts at a position, nil if there was none.
func (e *entry) as(at uint64) *edition {
	n := e.newest.Load()
	for n != nil && n.position > at {
		n = n.before
	}
	return n
}

// as is how the node was at a position, nil if there was none.
func (s *spot) as(at uint64) *link {
	l := s.newest.Load()
	for l != nil && l.position > at {
		l = l.before
	}
	return l
}

// stood is the position of the fact that a node stands as it does.
func (l *link) stood() uint64 {
	for l.before != nil && l.before.standing == l.standing {
		l = l.before
	}
	return l.position
}

// A Question is what a flag comes to at a node, and for whom.
type Question struct {
	Node     domain.NodeID
	User     domain.UserID // whose own overrides count, if the node is its home
	Context  *Context      // for whom rules are held, nobody in particular if nil; Look fills in its nodes
	At       time.Time     // instant that validities are held against
	Position uint64        // as of which; everything that is known if 0
}

// A View is a book as it was at one position, for one place. All that is asked of
// it is answered from that.
type View struct {
	book     *Book
	position uint64
	in       Input
	line     [4]*spot // by level, nil where there is none
	node     *spot
	standing uint8 // of standings
	shuts    *link // whose standing it is
}

// Look finds the place that a question is about. Errors: ErrNodeNotFound, ErrBlind.
func (b *Book) Look(q Question) (v View, err error) {
	v.book, v.position = b, b.position.Load()
	if q.Position > 0 {
		v.position = min(v.position, q.Position)
	}
	if blind := b.blind.Load(); blind != 0 && v.position >= blind {
		return v, ErrBlind
	}
	if !v.climb(q.Node) {
		return v, ErrNodeNotFound
	}
	if q.User != "" {
		v.join(q.User)
	}
	v.in = Input{Standing: standings[v.standing], Node: q.Node, At: q.At, Context: q.Context, Segments: b.audiences(v.position), Gate: b.Gate}
	if c := q.Context; c != nil {
		c.Integrator, c.Tenant = domain.IntegratorID(v.Above(domain.IntegratorLevel)), domain.TenantID(v.Above(domain.TenantLevel))
	}
	return v, nil
}

// Level is the rung of the tree that a node is on now, empty if there is no such
// node.
func (b *Book) Level(node domain.NodeID) domain.Level {
	if s := b.nodes.get(idOf(node)); s != nil {
		if l := s.newest.Load(); l != nil {
			return levels[l.level]
		}
	}
	return ""
}

// Home is the node that a user hangs under, as of a position or of now if that is
// 0.
func (b *Book) Home(user domain.UserID, position uint64) (domain.NodeID, bool) {
	if position == 0 {
		position = latest
	}
	s := b.nodes.get(idOf(domain.NodeID(user)))
	if s == nil {
		return "", false
	}
	l := s.as(position)
	if l == nil || levels[l.level] != domain.UserLevel || l.above == nil {
		return "", false
	}
	return nodeOf(l.above.id), true
}

// climb finds the nodes from a node up to the platform.
func (v *View) climb(node domain.NodeID) bool {
	v.node = v.book.nodes.get(idOf(node))
	for s := v.node; s != nil; {
		l := s.as(v.position)
		if l == nil || l.level == 0 {
			return s != v.node
		}
		level := int(l.level) - 1
		if v.line[level] != nil {
			return false
		}
		v.line[level] = s
		v.stands(l, level)
		s = l.above
	}
	return v.node != nil
}

// stands combines how the node itself stands with those above it.
func (v *View) stands(l *link, level int) {
	switch {
	case v.shuts == nil:
		v.standing, v.shuts = l.standing, l
	case level == domain.IntegratorLevel.Depth():
		if standings[v.standing].Under(standings[l.standing]) != standings[v.standing] {
			v.standing, v.shuts = l.standing, l
		}
	}
}

// join adds a user whose home is the node.
func (v *View) join(user domain.UserID) {
	s := v.book.nodes.get(idOf(domain.NodeID(user)))
	if s == nil {
		return
	}
	if l := s.as(v.position); l != nil && levels[l.level] == domain.UserLevel && l.above == v.node {
		v.line[domain.UserLevel.Depth()] = s
	}
}

// Position is the one that the view is as of.
func (v *View) Position() uint64 { return v.position }

// Standing is how far the node may be used, the nodes above it considered.
func (v *View) Standing() domain.Standing { return v.in.Standing }

// Above is the node at a level of the line that the view is of, itself included;
// none if there is none.
func (v *View) Above(level domain.Level) domain.NodeID {
	if s := v.line[level.Depth()]; s != nil {
		return nodeOf(s.id)
	}
	return ""
}

// Node is the place.
func (v *View) Node() domain.NodeID { return nodeOf(v.node.id) }

// An Answer is what a flag comes to, and which fact decided.
type Answer struct {
	Value      json.RawMessage
	Variant    string
	Reason     Reason
	Cause      Cause
	Rule       string // that matched
	Bucket     int    // that the subject is in, if a split decided; else -1
	Blocker    string // that turned the flag off: the flag it depends on, or what the gate said
	Locked     bool   // the fact that decided holds against every node below
	Deprecated bool
	Level      domain.Level // at which it was decided, empty if no node did
	Position   uint64       // of the fact that decided
	by         uuid.UUID
}

// Decider is the node that decided, empty if none did.
func (a *Answer) Decider() domain.NodeID {
	if a.Level == "" {
		return ""
	}
	return nodeOf(a.by)
}

// Evaluate answers for one flag. Error: ErrNotFound.
func (v *View) Evaluate(k Key) (Answer, error) {
	e := v.book.flags.get(k)
	if e == nil {
		return Answer{}, ErrNotFound
	}
	return v.evaluate(e)
}

func (v *View) evaluate(e *entry) (Answer, error) {
	f := e.as(v.position)
	if f == nil {
		return Answer{}, ErrNotFound
	}
	cause, err := f.barred(v.in.Standing)
	switch {
	case err != nil:
		return Answer{}, err
	case cause != "":
		return v.disabled(f, cause), nil
	case f.Definition.Mode == cascade.Replace && len(f.Prerequisites) == 0 && v.in.Gate == nil:
		return v.replaced(e, f), nil
	}
	return v.told(e, f)
}

// Explain is the whole story of an answer. Of the facts behind it only the positions
// are known here; that of the one that decided is given, too. Error: ErrNotFound.
func (v *View) Explain(k Key) (Flag, Evaluation, uint64, error) {
	e := v.book.flags.get(k)
	if e == nil {
		return Flag{}, Evaluation{}, 0, ErrNotFound
	}
	f := e.as(v.position)
	if f == nil {
		return Flag{}, Evaluation{}, 0, ErrNotFound
	}
	r, err := v.explained(e, f, v.in)
	return f.Flag, r, v.decided(f, &r), err
}

// explained evaluates with everything that is known of the levels and of the flags
// that it depends on.
func (v *View) explained(e *entry, f *edition, in Input) (Evaluation, error) {
	in.Prerequisites = func(k Key, in Input) (Evaluation, error) {
		other := v.book.flags.get(k)
		if other == nil {
			return Evaluation{}, ErrNotFound
		}
		g := other.as(v.position)
		if g == nil {
			return Evaluation{}, ErrNotFound
		}
		return v.explained(other, g, in)
	}
	return Evaluate(f.Flag, in, v.layers(e)...)
}

// decided is the position of the fact that an evaluation rests on.
func (v *View) decided(f *edition, e *Evaluation) uint64 {
	switch {
	case e.Cause == IsDraft || e.Cause == IsKilled:
		return f.settled
	case e.Cause == NotActive && v.shuts != nil:
		return v.shuts.stood()
	case e.Cause == Unmet:
		return f.bound
	case e.Cause == NotActive || e.Cause == NotEntitled:
		return 0
	case e.Decision.Defaulted:
		return f.defined
	}
	return e.Decision.Decider.Origin.Position
}

// told is an answer that takes the whole story to find.
func (v *View) told(e *entry, f *edition) (Answer, error) {
	seen := *v // so that the usual way, which asks for no other flags, leaves nothing behind
	r, err := seen.explained(e, f, seen.in)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Value: r.Value, Variant: r.Variant, Reason: r.Reason, Rule: r.Rule, Bucket: nobody, Cause: r.Cause, Blocker: r.Blocker, Position: seen.decided(f, &r), Deprecated: f.deprecated()}
	if r.Bucket != nil {
		a.Bucket = *r.Bucket
	}
	if d := r.Decision.Decider; r.Reason != Disabled && !r.Decision.Defaulted {
		a.Level, a.Locked, a.by = d.Level, d.Locked, idOf(d.Node)
	}
	return a, nil
}

func (v *View) disabled(f *edition, cause Cause) Answer {
	a := Answer{Value: f.Definition.Off, Variant: f.name(f.Definition.Off), Reason: Disabled, Cause: cause, Bucket: nobody, Position: f.settled, Deprecated: f.deprecated()}
	if cause == NotActive && v.shuts != nil {
		a.Position = v.shuts.stood()
	}
	return a
}

func (f *edition) deprecated() bool { return f.Status == StatusDeprecated }

// replaced is the cascade where the deciding level says it all.
func (v *View) replaced(e *entry, f *edition) Answer {
	var says [len(v.line)]cascade.Say
	var said [len(v.line)]saying
	var chosen [len(v.line)]choice
	for level, s := range v.line {
		if s == nil {
			continue
		}
		if n := s.said(e.number, v.position); n.said != nil {
			said[level], chosen[level] = n, n.said.choose(e.key, &v.in)
			says[level] = n.said.say(&chosen[level], v.in.At)
		}
	}
	level := cascade.Decider(says[:])
	if level < 0 {
		return Answer{Value: f.Definition.Default, Variant: f.name(f.Definition.Default), Reason: Static, Cause: ByDefault, Bucket: nobody, Position: f.defined, Deprecated: f.deprecated()}
	}
	n, c := &said[level], &chosen[level]
	a := Answer{
		Value: c.Value, Variant: f.name(c.Value), Reason: c.reason, Rule: c.rule, Bucket: c.bucket, Cause: ByOverride, Locked: says[level].Locked,
		Level: levels[level+1], Position: n.origin(), Deprecated: f.deprecated(), by: v.line[level].id,
	}
	if a.Locked {
		a.Cause = ByLock
	}
	return a
}

// layers is one layer for each of the four levels, silent where nothing is said.
// Of the facts behind them only the positions are known here.
func (v *View) layers(e *entry) []Layer {
	out := make([]Layer, len(v.line))
	for i, s := range v.line {
		out[i].Level = levels[i+1]
		if s == nil {
			continue
		}
		node := nodeOf(s.id)
		if n := s.said(e.number, v.position); n.said != nil {
			out[i] = n.said.layer
			out[i].Level, out[i].Origin.Position = levels[i+1], n.origin()
		}
		out[i].Node = node
	}
	return out
}

// All answers for every flag that there is to be found, in the order of their
// keys, until yield returns false.
func (v *View) All(yield func(Key, Answer) bool) {
	all := *v
	all.in.outcomes = map[askedFor]outcome{} // what one flag found out of others serves the rest
	for _, e := range *v.book.listed.Load() {
		if a, err := all.evaluate(e); err == nil && !yield(e.key, a) {
			return
		}
	}
}

// latest is a position that no event has.
const latest = math.MaxUint64

// Last is the position of the last event at or before an instant, 0 if there was
// none yet.
func (b *Book) Last(t time.Time) uint64 { return b.clock.last(t) }

// When is the instant of the last event at or before a position; the zero time if
// there was none yet.
func (b *Book) When(position uint64) time.Time { return b.clock.when(position) }
