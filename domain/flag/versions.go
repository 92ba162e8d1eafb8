package flag

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A said is what a node says about a flag, for all nodes that say the same. It is
// nil once a node says nothing any more.
type said struct {
	Setting
	layer Layer  // without level and node
	from  uint64 // position of the fact that said so, where that is not the saying's own
}

func newSaid(s Setting) said { return said{Setting: s, layer: s.Layer("", "")} }

// choose is what is said to whoever asks.
func (s *said) choose(k Key, in *Input) choice { return s.layer.choose(k, in) }

func (s *said) say(c *choice, t time.Time) cascade.Say {
	p := s.phase(t)
	return cascade.Say{InForce: c.Value != nil && (p == inForce || p == locked), Locked: p == locked}
}

// Words are all that nodes ever said, by number. Those of a draft are numbered on.
type words struct {
	series[said]
	before uint32 // are of the book under it
	under  *words
}

// over are words that come after these.
func (w *words) over() words { return words{before: w.before + w.count, under: w} }

// of is what was said by a number.
func (w *words) of(number uint32) *said {
	if number <= w.before {
		return w.under.of(number)
	}
	return w.at(number - w.before)
}

// add gives a number to what is said.
func (w *words) add(s said) uint32 {
	*w.next() = s
	return w.before + w.count
}

// A saying is one version of what a node says about one flag.
type saying struct {
	packed uint64 // flag, then position
	said   *said
}

// A mark is how a saying is held, of which there are more than of anything else:
// twelve bytes, and no pointer.
type mark struct {
	low, high uint32 // of flag, then position
	words     uint32 // 0 once the node says nothing any more
}

// positionBits are those of a saying that hold the position: enough for a million
// flags and the first 17 million million positions.
const (
	positionBits = 44
	lastPosition = 1<<positionBits - 1
)

func pack(flag uint32, position uint64) uint64 { return uint64(flag)<<positionBits | position }

func markOf(flag uint32, position uint64, words uint32) mark {
	packed := pack(flag, position)
	return mark{uint32(packed), uint32(packed >> 32), words}
}

func (m mark) packed() uint64   { return uint64(m.high)<<32 | uint64(m.low) }
func (m mark) flag() uint32     { return uint32(m.packed() >> positionBits) }
func (m mark) position() uint64 { return m.packed() & lastPosition }

func (s saying) position() uint64 { return s.packed & lastPosition }

// origin is the position of the fact that said the value. A lock changes what is
// said, and not who said it.
func (s saying) origin() uint64 {
	if s.said != nil && s.said.from != 0 {
		return s.said.from
	}
	return s.position()
}

// Versions are all versions of everything that one node ever said about flags. Most
// nodes say little: theirs is one short list, in order of flag and position. Of a
// node that says much each flag has a list of its own.
type versions struct {
	few  []mark
	many *lists
}

// manySayings is how many versions make a node one that says much.
const manySayings = 64

// says is the version of what a node says that counts at a position.
func (b *Book) says(s *spot, flag uint32, at uint64) saying {
	all := s.says.Load()
	if all == nil {
		return saying{}
	}
	list := all.few
	if all.many != nil {
		list = all.many.of(flag)
	}
	m := find(list, flag, at)
	if m.words == 0 {
		return saying{packed: m.packed()}
	}
	return saying{m.packed(), b.words.of(m.words)}
}

// find is the last version of a flag at or before a position.
func find(list []mark, flag uint32, at uint64) (n mark) {
	last := pack(flag, min(at, lastPosition))
	low, high := 0, len(list)
	if high > 0 && list[high-1].packed() <= last {
		low = high // most often it is the newest of all
	}
	for low < high {
		if mid := int(uint(low+high) / 2); list[mid].packed() <= last {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 || list[low-1].flag() != flag {
		return n
	}
	return list[low-1]
}

// add is the versions with one more. What was there stays as it is, for those who
// are reading it.
func (all *versions) add(n mark) *versions {
	switch {
	case all == nil:
		return &versions{few: []mark{n}}
	case all.many == nil && len(all.few) < manySayings:
		at := all.after(n)
		return &versions{few: slices.Concat(all.few[:at], []mark{n}, all.few[at:])}
	}
	var now, next lists
	if all.many != nil {
		now, next = *all.many, *all.many
	}
	for _, old := range all.few {
		next = next.add(old)
	}
	if next = next.add(n); len(next) == len(now) {
		return all // which others know, and it has grown
	}
	return &versions{many: &next}
}

// after is where a new version goes in the short list.
func (all *versions) after(n mark) int {
	at := len(all.few)
	for at > 0 && all.few[at-1].packed() > n.packed() {
		at--
	}
	return at
}

// until is a copy of the versions up to a position, to add others to.
func (all *versions) until(position uint64) *versions {
	if all == nil {
		return nil
	}
	later := func(n mark) bool { return n.position() > position }
	if all.many == nil {
		return &versions{few: slices.DeleteFunc(slices.Clone(all.few), later)}
	}
	return &versions{many: new(all.many.until(position))}
}

// say learns what a node says from now on.
func (b *Book) say(r domain.Recorded) {
	switch e := r.Event.(type) {
	case interface{ Said() Saying }:
		s := e.Said()
		b.add(s.Node, s.Flag, r.Position, b.intern(s.Flag, s.Setting))
	case Cleared:
		b.add(e.Node, e.Flag, r.Position, 0)
	case Locked:
		b.lock(e.Node, e.Flag, r.Position, true)
	case Unlocked:
		b.lock(e.Node, e.Flag, r.Position, false)
	}
}

func (b *Book) lock(node domain.NodeID, k Key, at uint64, on bool) {
	e := b.flags.get(k)
	if e == nil {
		return
	}
	now := b.says(b.spot(node), e.number, latest)
	var s Setting
	if now.said != nil {
		s = now.said.Setting
	}
	s.Locked = on
	next := newSaid(s)
	if now.said != nil {
		next.from = now.origin()
	}
	b.add(node, k, at, b.words.add(next))
}

func (b *Book) add(node domain.NodeID, k Key, at uint64, words uint32) {
	e := b.flags.get(k)
	if e == nil {
		return // only defined flags are overridden
	}
	s := b.spot(node)
	s.says.Store(s.says.Load().add(markOf(e.number, at, words)))
	b.host(s)
}

// Interned are numbers of words by a digest of what they say of which flag, for that
// itself may be long.
type interned map[[sha256.Size]byte]uint32

// internedMost bounds how many settings are remembered for nodes that come to say
// the same.
const internedMost = 4096

// intern finds a setting that is the same, so that what a hundred thousand tenants
// say is held once.
func (b *Book) intern(k Key, s Setting) uint32 {
	key, err := json.Marshal(s)
	if err != nil {
		return b.words.add(newSaid(s))
	}
	name := sha256.Sum256(append(append([]byte(k), 0), key...)) // a setting may take 128 KiB
	if known, ok := b.interned[name]; ok {
		return known
	}
	if len(b.interned) >= internedMost {
		clear(b.interned)
	}
	n := b.words.add(newSaid(s))
	b.interned[name] = n
	return n
}
