package logserver

import "sync"

// A bell tells waiting subscribers that there is something new, never what:
// they read it themselves. So a writer's work does not depend on what its
// readers do, and nobody can miss an event.
type bell struct {
	mu      sync.Mutex
	log     *peal
	streams map[string]*peal
}

// A peal is one wait; its channel closes once.
type peal struct {
	heard   chan struct{}
	waiting int
}

func newBell() *bell {
	return &bell{log: newPeal(), streams: map[string]*peal{}}
}

func newPeal() *peal { return &peal{heard: make(chan struct{})} }

// next closes when any record follows. Ask first, then look at the log, then wait.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log.waiting++
	return b.log.heard
}

// nextIn closes when a record follows in the stream. Call leave afterwards.
func (b *bell) nextIn(stream string) *peal {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.streams[stream]
	if p == nil {
		p = newPeal()
		b.streams[stream] = p
	}
	p.waiting++
	return p
}

// leave forgets a wait that is over, whether it rang or not.
func (b *bell) leave(stream string, p *peal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.waiting--; p.waiting == 0 && b.streams[stream] == p {
		delete(b.streams, stream)
	}
}

// ring wakes whoever waits for one of the records.
func (b *bell) ring(records []record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.log.waiting > 0 {
		close(b.log.heard)
		b.log = newPeal()
	}
	for i := 0; i < len(records) && len(b.streams) > 0; i++ {
		name := streamOf(records[i].wire)
		if p := b.streams[string(name)]; p != nil {
			close(p.heard)
			delete(b.streams, string(name))
		}
	}
}
