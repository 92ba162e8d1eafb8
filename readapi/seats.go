package readapi

import (
	"context"
	"maps"
	"slices"
)

// A seat is the room that one stream takes.
type seat struct {
	path []string // whose it is: integrator, node, principal
	lose context.CancelFunc
}

// A block of seats is what somebody has of the room for streams: everybody together, and of that
// each integrator, of that each of its nodes, and of that each principal.
type block struct {
	size  int
	parts map[string]*block
	seats []*seat // of a principal, the newest last
}

// enter makes room for one more stream of a principal, for as long as the context that
// comes back lasts. As long as there is room anybody may have it. Where there is none,
// who has less than others is given the newest place of who has the most: of the
// integrator that has the most of all, of the node that has the most in it, and of the
// principal that has the most there. So a crowd takes from itself and from nobody else.
func (s *Streams) enter(ctx context.Context, who string) (held context.Context, leave func(), ok bool) {
	path := s.path(who)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open.size >= s.Most {
		given := s.open.gives(path)
		if given == nil {
			return ctx, nil, false
		}
		s.open.remove(given, given.path)
		given.lose()
	}
	held, lose := context.WithCancel(ctx)
	taken := &seat{path, lose}
	s.open.add(taken, path)
	return held, func() {
		lose()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open.remove(taken, path)
	}, true
}

// party is who shares the room for a principal's work with it.
func (s *Streams) party(who string) string { return s.path(who)[1] }

// path is whose a stream of a principal is. Who belongs to the platform is alone.
func (s *Streams) path(who string) []string {
	if s.Belongs != nil {
		if node, integrator := s.Belongs(who); node != "" {
			return []string{string(integrator), string(node), who}
		}
	}
	return []string{who, who, who}
}

func (b *block) add(one *seat, path []string) {
	b.size++
	if len(path) == 0 {
		b.seats = append(b.seats, one)
		return
	}
	if b.parts == nil {
		b.parts = map[string]*block{}
	}
	part := b.parts[path[0]]
	if part == nil {
		part = &block{}
		b.parts[path[0]] = part
	}
	part.add(one, path[1:])
}

// remove reports whether the seat was still there.
func (b *block) remove(one *seat, path []string) (there bool) {
	if len(path) == 0 {
		at := slices.Index(b.seats, one)
		if there = at >= 0; there {
			b.seats = slices.Delete(b.seats, at, at+1)
			b.size--
		}
		return there
	}
	part := b.parts[path[0]]
	if part == nil || !part.remove(one, path[1:]) {
		return false
	}
	b.size--
	if part.size == 0 {
		delete(b.parts, path[0])
	}
	return true
}

// gives is the seat that somebody who wants one more is given, nil if that one would
// have more than who gives it.
func (b *block) gives(path []string) *seat {
	if len(path) == 0 || b.size == 0 {
		return nil
	}
	own, most, has := b.parts[path[0]], b.most(), 0
	if own != nil {
		has = own.size
	}
	switch {
	case has+1 < most.size:
		return most.newest()
	case own == nil:
		return nil
	}
	return own.gives(path[1:])
}

// most is the largest part.
func (b *block) most() *block {
	return slices.MaxFunc(slices.Collect(maps.Values(b.parts)), func(p, o *block) int { return p.size - o.size })
}

func (b *block) newest() *seat {
	for len(b.parts) > 0 {
		b = b.most()
	}
	return b.seats[len(b.seats)-1]
}
