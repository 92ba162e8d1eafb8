package flag

import (
	"encoding/binary"
	"hash/maphash"
	"time"
)

// Version tells what is said at the place from what was said there before: it is the
// same for as long as no fact comes that could make any flag come to something else
// there, for whomever. Next is the first instant after the one given from which
// something that is said may begin or cease to count, the zero time if there is none.
// Versions are good within this process.
func (v *View) Version(at time.Time) (version uint64, next time.Time) {
	s := sum{at: at}
	s.hash.SetSeed(seed)
	for _, node := range v.line {
		if node != nil {
			s.add(node.as(v.position).position())
		}
	}
	for _, e := range *v.book.listed.Load() {
		f := e.as(v.position)
		if f == nil {
			continue
		}
		s.add(pack(e.number, f.position))
		for _, node := range v.line {
			if node != nil {
				v.said(&s, v.book.says(node, e.number, v.position))
			}
		}
	}
	return s.hash.Sum64(), s.next
}

// said adds what one node says about a flag, and the segments it says it to.
func (v *View) said(s *sum, n saying) {
	if n.said == nil {
		return
	}
	s.add(n.packed)
	for _, t := range Breaks([]Layer{n.said.layer}) {
		if t.After(s.at) && (s.next.IsZero() || t.Before(s.next)) {
			s.next = t
		}
	}
	if len(n.said.Rules) == 0 {
		return
	}
	for _, k := range n.said.Segments() {
		if r := v.book.roll(k, v.position); r != nil {
			s.add(r.position)
		}
	}
}

// A sum is a version that is being made.
type sum struct {
	hash maphash.Hash
	at   time.Time
	next time.Time
}

func (s *sum) add(n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	_, _ = s.hash.Write(b[:]) // which never fails
}
