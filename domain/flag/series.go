package flag

import (
	"math"
	"sync/atomic"
)

// A series is of things that are numbered from 1 on. One writer adds to it while any
// number of readers look at what is there. Things lie in blocks, and stay where they
// are: who knows a number of four bytes needs no pointer of eight, and the collector
// of garbage has nothing to follow there.
type series[T any] struct {
	blocks atomic.Pointer[[]*[ofBlock]T]
	count  uint32 // of the writer
}

const (
	ofBlock    = 16 // things: few, for most series are short
	mostThings = math.MaxUint32
)

// at is the thing with a number.
func (s *series[T]) at(number uint32) *T {
	return &(*s.blocks.Load())[(number-1)/ofBlock][(number-1)%ofBlock]
}

// next is a new thing, which has the number that is the count from now on.
func (s *series[T]) next() *T {
	if s.count == mostThings {
		panic("flag: no more things can be numbered") // which a book does not let happen
	}
	if s.count%ofBlock == 0 {
		var blocks []*[ofBlock]T
		if known := s.blocks.Load(); known != nil {
			blocks = *known
		}
		s.blocks.Store(new(append(blocks, new([ofBlock]T))))
	}
	s.count++
	return s.at(s.count)
}
