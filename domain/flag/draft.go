package flag

import (
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Draft is the book as it would be if facts came next. It shares with this one what
// the facts do not touch and changes nothing of it: one may grow while the other is
// asked, and what came after the position at which the draft was made is not in it.
// The facts of a draft are at that position.
func (b *Book) Draft(m domain.Meta, facts ...domain.Event) *Book {
	return b.draft(latest, m, facts)
}

// draft is a draft of the book as it was at a position.
func (b *Book) draft(at uint64, m domain.Meta, facts []domain.Event) *Book {
	d := b.under(at)
	for _, e := range facts {
		_ = d.learn(domain.Recorded{Event: e, Position: d.position.Load(), Meta: m}) // it is blind then
	}
	return d
}

// under is a draft without facts.
func (b *Book) under(at uint64) *Book {
	b.writer.Lock()
	defer b.writer.Unlock()
	d := &Book{Gate: b.Gate, interned: interned{}, words: b.words.over()}
	d.flags, d.nodes, d.segments = b.flags.over(), b.nodes.over(), b.segments.over()
	d.names, d.formers = b.names.over(), b.formers.over()
	d.numbered = b.numbered // flags that the draft defines are numbered on
	d.homes = b.homes       // which a draft leaves as they are
	d.listed.Store(b.listed.Load())
	d.position.Store(min(at, b.position.Load()))
	d.blind.Store(b.blind.Load())
	return d
}

// drafted reports whether the book is a draft of another.
func (b *Book) drafted() bool { return b.nodes.under != nil }

// lifted is a node as the book has it, of which others may know an older one only.
func (b *Book) lifted(s *spot) *spot {
	if s == nil || b.nodes.under == nil {
		return s
	}
	if own := b.nodes.own(s.id); own != nil {
		return own
	}
	return s
}

// copied is a node that the book does not hold itself: a new one, or as the book
// below has it.
func (b *Book) copied(id uuid.UUID) *spot {
	was := b.nodes.get(id)
	return b.nodes.set(id, func(s *spot) {
		s.id = id
		if was != nil {
			s.newest.Store(was.as(b.position.Load()))
			s.says.Store(was.says.Load().until(b.position.Load()))
		}
	})
}

// entry is a flag that the book does not hold itself, likewise.
func (b *Book) entry(k Key) *entry {
	was := b.flags.get(k)
	return b.flags.set(k, func(e *entry) {
		e.key = k
		if was != nil {
			if f := was.as(b.position.Load()); f != nil {
				e.number = was.number
				e.newest.Store(f)
				return
			}
		}
		e.number = b.numbered
		b.numbered++
	})
}
