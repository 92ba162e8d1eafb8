package flag

import (
	"hash/maphash"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A Variance is why a flag does not come to one value for everybody at a place.
type Variance string

// The variances.
const (
	ByTargeting    Variance = "targeting"    // a node has rules or a split for it
	ByUsers        Variance = "users"        // a user of the place says something about it
	ByPrerequisite Variance = "prerequisite" // a flag that it depends on varies
	ByGate         Variance = "gate"         // whether the place is entitled to it is asked each time
)

// Fixed is what a flag comes to at the place whatever a context says and whoever it
// names; or why there is no such answer. It would rather find a reason too many than
// an answer that is not everybody's. Error: ErrNotFound.
func (v *View) Fixed(k Key) (Answer, Variance, error) {
	e, f, err := v.find(k)
	if err != nil {
		return Answer{}, "", err
	}
	why, err := v.varies(e, f, map[*entry]bool{})
	if err != nil || why != "" {
		return Answer{}, why, err
	}
	a, err := v.evaluate(e, f)
	return a, "", err
}

// AllFixed is Fixed for every flag that there is to be found, in the order of their
// keys. The users of the place are looked through once.
func (v *View) AllFixed(yield func(Key, Answer, Variance)) {
	all := *v
	all.heard = map[uint32]bool{}
	for g := range all.guests {
		for m := range g.says.Load().as(all.position) {
			all.heard[m.flag()] = true
		}
	}
	for _, e := range *v.book.listed.Load() {
		if answer, why, err := all.Fixed(e.key); err == nil {
			yield(e.key, answer, why)
		}
	}
}

func (v *View) varies(e *entry, f *edition, seen map[*entry]bool) (Variance, error) {
	cause, err := f.barred(v.in.Standing)
	if err != nil || cause != "" || seen[e] {
		return "", err
	}
	seen[e] = true
	says := func(s *spot) bool { return v.book.says(s, e.number, v.position).said != nil }
	targets := func(s *spot) bool {
		return s != nil && says(s) && v.book.says(s, e.number, v.position).said.layer.Targeting != nil
	}
	switch {
	case v.in.Gate != nil:
		return ByGate, nil
	case slices.ContainsFunc(v.line[:], targets):
		return ByTargeting, nil
	case v.heardOf(e.number, says):
		return ByUsers, nil
	}
	for _, p := range f.Prerequisites {
		if other, g, err := v.find(p.Flag); err == nil { // what is not there is unmet for everybody
			if why, err := v.varies(other, g, seen); err == nil && why != "" {
				return ByPrerequisite, nil
			}
		}
	}
	return "", nil
}

// heardOf reports whether a user of the place says something about a flag.
func (v *View) heardOf(number uint32, says func(*spot) bool) bool {
	if v.heard != nil {
		return v.heard[number]
	}
	for s := range v.guests {
		if says(s) {
			return true
		}
	}
	return false
}

// Guests tells what the users of the place say from what they said before, as
// [View.Version] does of the nodes.
func (v *View) Guests() uint64 {
	var s sum
	s.hash.SetSeed(seed)
	for g := range v.guests {
		for m := range g.says.Load().as(v.position) {
			s.add(m.packed())
		}
	}
	return s.hash.Sum64()
}

// A guest is a user who ever said something, in the list of a home that it has or had.
type guest struct {
	user *spot
	next *guest
}

// host remembers where to look for what a user says. Drafts are not asked, and must
// leave the nodes of others alone.
func (b *Book) host(s *spot) {
	l := s.newest.Load()
	if b.drafted() || l == nil || l.above == nil || levels[l.level] != domain.UserLevel {
		return
	}
	h := b.homes.get(l.above.id)
	if h == nil {
		h = b.homes.set(l.above.id, func(h *home) { h.id = l.above.id })
	}
	if b.hosted[s] != h {
		b.hosted[s] = h
		h.guests.Store(&guest{s, h.guests.Load()})
	}
}

// A home is a node with the users of it who ever said something.
type home struct {
	id     uuid.UUID
	guests atomic.Pointer[guest]
}

func newHomes() *register[uuid.UUID, home] {
	return newRegister(func(id uuid.UUID) uint64 { return maphash.Bytes(seed, id[:]) }, func(h *home) uuid.UUID { return h.id })
}

// guests are the users of the place who ever said something.
func (v *View) guests(yield func(*spot) bool) {
	h := v.book.homes.get(v.node.id)
	if h == nil {
		return
	}
	for g := h.guests.Load(); g != nil; g = g.next {
		if !yield(g.user) {
			return
		}
	}
}
