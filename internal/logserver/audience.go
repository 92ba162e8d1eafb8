package logserver

import "sync"

// An audience is everybody who subscribes at the moment.
type audience struct {
	mu  sync.Mutex
	all map[*sender]struct{}
}

// join counts a subscription in, which until it is sent something stands at a
// position; the result counts it out.
func (a *audience) join(s *sender, at uint64) (leave func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all = map[*sender]struct{}{}
	}
	s.at.Store(at)
	a.all[s] = struct{}{}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.all, s)
	}
}

// behind is how far the last of them is from the head. Who has everything and
// waits is not behind, however long ago its stream was written.
func (a *audience) behind(head uint64) (most uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for s := range a.all {
		if at := s.at.Load(); !s.rests.Load() && at < head {
			most = max(most, head-at)
		}
	}
	return most
}
