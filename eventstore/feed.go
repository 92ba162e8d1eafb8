package eventstore

import (
	"context"
	"errors"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/domain"
)

const (
	pageSize     = 8 << 20 // bytes after which a page is full
	searchWindow = 1024    // events of the server's own after which it says where it is
)

// errSilent: the log goes on and the subscription does not. A connection can be
// lost without anybody being told.
var errSilent = errors.New("the subscription is silent although the log goes on")

// A feed is one catch-up subscription to the whole log, cut into pages.
type feed struct {
	*Store
	session *session
	inbox   *inbox
	decoder decoder
	at      uint64 // where the last page ended
	max     int    // events of a page
	hand    []item // taken from the inbox
	next    int    // first of hand that is in no page yet
}

// subscribe begins a feed after a position. What it holds is given back when ctx
// ends.
func (s *Store) subscribe(ctx context.Context, after uint64, max int) (*feed, error) {
	wait, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	session, err := s.feeds.session(wait)
	if err != nil {
		return nil, err
	}
	f := &feed{Store: s, session: session, inbox: newInbox(), decoder: decoder{registry: s.registry}, at: after, max: max}
	go func() {
		_, err := await(ctx, session, func() (struct{}, error) { return struct{}{}, f.receive(ctx, after) })
		f.inbox.end(err)
	}()
	return f, nil
}

// receive fills the inbox until the subscription is lost.
func (f *feed) receive(ctx context.Context, after uint64) error {
	inside, leave, ok := f.session.begin(ctx)
	if !ok {
		return errors.New("the connection to the log was lost before the subscription began")
	}
	defer leave()
	sub, err := f.session.client.SubscribeToAll(inside, esdb.SubscribeToAllOptions{
		From: position(after), Filter: esdb.ExcludeSystemEventsFilter(), MaxSearchWindow: searchWindow, CheckpointInterval: 1,
	})
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		e := sub.Recv()
		if e.SubscriptionDropped != nil {
			return e.SubscriptionDropped.Error
		}
		if i, ok := itemOf(e); ok {
			if err := f.inbox.put(ctx, i); err != nil {
				return err
			}
		}
	}
}

func position(after uint64) esdb.AllPosition {
	if after == 0 {
		return esdb.Start{}
	}
	return esdb.Position{Commit: after, Prepare: after}
}

func itemOf(e *esdb.SubscriptionEvent) (item, bool) {
	switch {
	case e.CheckPointReached != nil:
		return item{to: e.CheckPointReached.Commit}, true
	case e.EventAppeared == nil || e.EventAppeared.Event == nil:
		return item{}, false
	case system(e.EventAppeared.Event):
		return item{to: e.EventAppeared.Event.Position.Commit}, true
	}
	return item{e.EventAppeared.Event, e.EventAppeared.Event.Position.Commit}, true
}

// page waits until the feed moves on and returns all that is at hand.
func (f *feed) page(ctx context.Context) (domain.Page, error) {
	for {
		page, err := f.gather()
		if page.To > f.at {
			f.at = page.To
			return page, nil
		}
		if err == nil {
			err = f.wait(ctx)
		}
		if err != nil {
			return domain.Page{}, err
		}
	}
}

// gather fills a page with what is at hand.
func (f *feed) gather() (domain.Page, error) {
	page, size := domain.Page{From: f.at, To: f.at}, 0
	for {
		if f.next == len(f.hand) {
			clear(f.hand)
			var err error
			f.hand, err = f.inbox.take(f.hand)
			f.next = 0
			if len(f.hand) == 0 {
				return page, err
			}
		}
		i := f.hand[f.next]
		if i.event != nil && (len(page.Events) >= f.max || size >= pageSize) {
			return page, nil
		}
		f.next++
		size += i.size()
		f.add(&page, i)
	}
}

// add puts an item into a page, unless it repeats what has been.
func (f *feed) add(page *domain.Page, i item) {
	if i.to <= page.To {
		return
	}
	page.To = i.to
	if i.event == nil {
		return
	}
	if page.Events == nil {
		page.Events = make([]domain.Recorded, 0, min(f.max, len(f.hand)-f.next+1))
	}
	page.Events = append(page.Events, f.decoder.read(i.event))
}

// wait returns when there is news. It asks for the head of the log, independently
// of the subscription, when none comes for too long.
func (f *feed) wait(ctx context.Context) error {
	for {
		t := time.NewTimer(f.silence)
		select {
		case <-f.inbox.news:
			t.Stop()
			return nil
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
		if head, err := f.Head(ctx); err == nil && head > f.at && len(f.inbox.news) == 0 {
			f.session.end()
			return errSilent
		}
	}
}
