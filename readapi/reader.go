package readapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A reader is whoever reads a feed, and what it is told of.
type reader struct {
	*Feed
	request edge.Request
	who     string
	scope   domain.Scope
	people  domain.Scope  // users that it may read
	node    domain.NodeID // and all below; everything in scope if empty
	flags   []flag.Key    // all if none
	missed  uint64        // position up to which nothing is told, if it was away for too long
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  bytes.Buffer
	told    int
}

// read tells what comes behind a position.
func (to *reader) read(ctx context.Context, from uint64) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	pages := make(chan domain.Page)
	go func() {
		defer close(pages)
		for page, err := range to.Follow(ctx, from) {
			if err != nil {
				return
			}
			select {
			case pages <- page:
			case <-ctx.Done():
				return
			}
		}
	}()
	at := from
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	if !to.send(": " + feedEnds + "\n\n") {
		return
	}
	if to.missed > 0 {
		if to.note("Missed", Missed{to.missed}); !to.id(to.missed) {
			return
		}
	}
	for {
		select {
		case page, open := <-pages:
			if !open || !to.page(ctx, page) {
				return
			}
			at = page.To
		case <-beat.C:
			if !to.still() || !to.id(at) {
				return
			}
		case <-to.Room.Ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// still reports whether the reader may read on.
func (to *reader) still() bool {
	if err := to.Room.Err; err != nil && err() != nil {
		return false
	}
	need := domain.PermissionsOf(domain.FlagRead)
	to.scope.Paths = to.request.Caller.Scope(need).Paths // which may have become less
	to.people = to.request.Caller.Scope(domain.PermissionsOf(domain.UserRead))
	if to.node != "" {
		return to.Source.Access.Decide(to.who, need, to.node, time.Now()) == access.Allowed
	}
	return len(to.scope.Paths) > 0
}

// page tells of the facts of a page.
func (to *reader) page(ctx context.Context, page domain.Page) bool {
	for _, e := range page.Events {
		if e.Err != nil || !flag.Concerns(e.Stream) {
			continue
		}
		if !to.still() {
			return to.parts(ctx, e)
		}
		if !to.fact(ctx, e) {
			return false
		}
	}
	return true
}

// fact tells what one fact changes. Only the last notice of it has an id: who is cut
// off before is told all of it again.
func (to *reader) fact(ctx context.Context, e domain.Recorded) bool {
	if to.Source.awaitBook(ctx, e.Position) != nil {
		return false
	}
	leave, err := edge.Enter(ctx)
	if err != nil {
		return false
	}
	found, err := to.effect(e)
	leave()
	for i := range found.shifts {
		s := &found.shifts[i]
		if to.sees(&s.Place) && !to.tell("EffectiveValueChanged", ValueChange{e.Position, s.Told()}) {
			return false
		}
	}
	if found.many {
		err = to.many(ctx, e, &found)
	}
	switch {
	case errors.Is(err, errUntaken), domain.KindOf(err) == domain.Unavailable: // and will be there for whoever comes again
		return false
	case err != nil: // nor will it be found out next time
		return to.tell("Unlisted", Unlisted{e.Position}) && to.id(e.Position)
	}
	return to.move(e) && (to.buffer.Len() == 0 || to.id(e.Position))
}

// errUntaken: the reader has gone.
var errUntaken = errors.New("not taken")

// many tells of what is too much to be kept for all readers: it is found out for this
// one alone, some at a time, so that nobody waits for one who takes slowly.
func (to *reader) many(ctx context.Context, e domain.Recorded, found *effect) error {
	ctx, cancel := context.WithTimeout(ctx, oneEffectIn)
	defer cancel()
	var mine []flag.Place
	for i := range found.places {
		if to.sees(&found.places[i]) {
			mine = append(mine, found.places[i])
		}
	}
	next, stop := iter.Pull2(found.At(ctx, mine, to.sees))
	defer stop()
	for {
		leave, err := edge.Enter(ctx)
		if err != nil {
			return err
		}
		more := true
		for more && err == nil && to.buffer.Len() < atOnce {
			var s flag.Shift
			if s, err, more = next(); more && err == nil {
				to.note("EffectiveValueChanged", ValueChange{e.Position, s.Told()})
			}
		}
		leave()
		switch {
		case err != nil || !more:
			return err
		case !to.send(""):
			return errUntaken
		}
	}
}

// sees reports whether the reader is told of a place: one in its scope and below the
// node that it asked about, and of users those that it may read. Without a flag the
// question is whether it may be told of any there.
func (to *reader) sees(p *flag.Place) bool {
	if p.Flag != "" && len(to.flags) > 0 && !slices.Contains(to.flags, p.Flag) {
		return false
	}
	path := p.Path()
	if p.Level == domain.UserLevel && !to.people.Covers(path) {
		return false
	}
	return to.scope.Covers(path) && to.below(path)
}

func (to *reader) below(path string) bool {
	if to.node == "" {
		return true
	}
	within, ok := to.Source.Access.Path(to.node)
	return ok && domain.Scope{Paths: []string{within}}.Covers(path)
}

// note adds a notice to what is sent next, without an id.
func (to *reader) note(event string, data any) {
	text, _ := json.Marshal(data) // which came out of JSON
	to.told++
	fmt.Fprintf(&to.buffer, "event: %s\ndata: %s\n\n", event, text)
}

// tell notes, and sends what has gathered.
func (to *reader) tell(event string, data any) bool {
	to.note(event, data)
	return to.buffer.Len() < atOnce || to.send("")
}

// id sends everything, and the position up to which the reader has been told.
func (to *reader) id(position uint64) bool { return to.send(fmt.Sprintf("id: %d\n\n", position)) }

// send reports whether the reader has taken everything.
func (to *reader) send(text string) bool {
	to.buffer.WriteString(text)
	defer to.buffer.Reset()
	if to.control.SetWriteDeadline(time.Now().Add(takes)) != nil {
		return false
	}
	_, err := to.w.Write(to.buffer.Bytes())
	return err == nil && to.control.Flush() == nil && to.control.SetWriteDeadline(time.Time{}) == nil // as in [browser.write]
}
