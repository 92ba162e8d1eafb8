package eventstore

import (
	"context"
	"sync"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// An item is what a subscription brings: an event, or only word that nothing for
// us lies up to a position.
type item struct {
	event *esdb.RecordedEvent // nil if there is none
	to    uint64
}

// size is about what an item occupies.
func (i item) size() int {
	if i.event == nil {
		return 0
	}
	return len(i.event.Data) + len(i.event.UserMetadata) + 512
}

const inboxSize = 8 << 20 // bytes that may wait to be asked for

// An inbox holds what one subscription has brought and one reader has not yet
// asked for. It is emptied in one grasp, so that neither waits for the other
// event by event.
type inbox struct {
	mu    sync.Mutex
	items []item
	size  int
	err   error         // why nothing more will come
	news  chan struct{} // something has come, or nothing more will
	room  chan struct{} // there is room again
}

func newInbox() *inbox {
	return &inbox{news: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds an item as soon as there is room, unless ctx ends first.
func (b *inbox) put(ctx context.Context, i item) error {
	for !b.add(i) {
		select {
		case <-b.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	signal(b.news)
	return nil
}

func (b *inbox) add(i item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size >= inboxSize {
		return false
	}
	if last := len(b.items) - 1; i.event == nil && last >= 0 && b.items[last].event == nil {
		b.items[last] = i
		return true
	}
	b.items, b.size = append(b.items, i), b.size+i.size()
	return true
}

// end says that nothing more will come.
func (b *inbox) end(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
	signal(b.news)
}

// take exchanges what is there for an empty slice. The error is given only when
// nothing is left.
func (b *inbox) take(empty []item) ([]item, error) {
	b.mu.Lock()
	items := b.items
	b.items, b.size = empty[:0], 0
	err := b.err
	b.mu.Unlock()
	signal(b.room)
	if len(items) > 0 {
		err = nil
	}
	return items, err
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
