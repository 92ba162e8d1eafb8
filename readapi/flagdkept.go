package readapi

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// A document is what clients of flagd are given of a place.
type document struct {
	text    string
	sum     [sha256.Size]byte // for a document may be large, and those who have it many
	omitted map[flag.Key]flag.Variance
}

// size is about how many bytes it takes: keys and reasons are the book's.
func (d *document) size() int { return len(d.text) + len(d.omitted)<<6 }

// An issue of a document is all that it depends on: what is said at the place, and between
// which two of the instants at which something that is said begins or ceases to count.
type issue struct {
	node            domain.NodeID
	version, guests uint64 // see [flag.View.Version] and [flag.View.Guests]
	until           int64  // the second of these instants, in Unix nanoseconds
}

func issueOf(v *flag.View, at time.Time) issue {
	version, next := v.Version(at)
	return issue{v.Node(), version, v.Guests(), next.UnixNano()}
}

// A shelf has the documents that were made last.
type shelf struct {
	mu     sync.Mutex
	kept   *simplelru.LRU[issue, *document]
	size   int
	making singleflight.Group
}

func newShelf() *shelf {
	s := &shelf{}
	s.kept, _ = simplelru.NewLRU(keptBytes>>10, func(_ issue, d *document) { s.size -= d.size() }) // fails for sizes below 1 only
	return s
}

// document is that of a view's place at the instant that it is of, for who has entered.
func (s *shelf) document(v *flag.View, at time.Time) (*document, error) {
	i := issueOf(v, at)
	if d := s.find(i); d != nil {
		return d, nil
	}
	return s.compiled(i, v)
}

// shared is the same for those who follow the place. They all want it in the same moment,
// and what a party wants is made by one of it, in the room that enter finds for that one.
// Error: that of enter.
func (s *shelf) shared(v *flag.View, at time.Time, party string, enter func() (leave func(), err error)) (*document, error) {
	i := issueOf(v, at)
	if d := s.find(i); d != nil {
		return d, nil
	}
	made, err, _ := s.making.Do(fmt.Sprint(party, i), func() (any, error) {
		leave, err := enter()
		if err != nil {
			return (*document)(nil), err
		}
		defer leave()
		if d := s.find(i); d != nil { // another party's
			return d, nil
		}
		return s.compiled(i, v)
	})
	return made.(*document), err
}

func (s *shelf) compiled(i issue, v *flag.View) (*document, error) {
	d, err := compileFlagd(v).document()
	if err == nil {
		s.keep(i, d)
	}
	return d, err
}

func (s *shelf) find(i issue) *document {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, _ := s.kept.Get(i)
	return d
}

func (s *shelf) keep(i issue, d *document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept.Remove(i)
	s.size += d.size()
	s.kept.Add(i, d)
	for s.size > keptBytes {
		s.kept.RemoveOldest()
	}
}
