package conformance

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

func link(n int, target string) esdb.EventData {
	e := event(n)
	e.EventType, e.Data, e.ContentType = "$>", []byte(target), esdb.ContentTypeBinary
	return e
}

func (w *world) resolve(stream string) []*esdb.ResolvedEvent {
	w.Helper()
	all, err := w.readWith(stream, esdb.ReadStreamOptions{From: esdb.Start{}, ResolveLinkTos: true}, 100)
	w.must(err)
	return all
}

func TestLinksAreResolvedOnRequestOnly(t *testing.T) {
	w := start(t)
	s, links := w.name("s"), w.name("links")
	w.append(s, esdb.NoStream{}, events(0, 2)...)
	w.append(links, esdb.NoStream{}, link(50, "1@"+s), event(51))
	plain := w.read(links)
	if plain[0].Link != nil || plain[0].Event.EventType != "$>" || string(plain[0].Event.Data) != "1@"+s {
		t.Errorf("unresolved %+v", plain[0])
	}
	resolved := w.resolve(links)
	if r := resolved[0]; r.Event.StreamID != s || r.Event.EventNumber != 1 || r.Link.StreamID != links || *r.Commit != r.Link.Position.Commit {
		t.Errorf("resolved %+v %+v", r.Event, r.Link)
	}
	if r := resolved[1]; r.Link != nil || r.Event.StreamID != links {
		t.Errorf("no link %+v", r)
	}
}

func TestResolvedLinksInBothForms(t *testing.T) {
	w := start(t)
	s, links := w.name("s"), w.name("links")
	w.append(s, esdb.NoStream{}, event(0))
	w.append(links, esdb.NoStream{}, link(50, "0@"+s))
	said, err := w.receive(request(links, func(o *readOptions) {
		o.ResolveLinks = true
		o.UuidOption.Content = &streams.ReadReq_Options_UUIDOption_String_{}
	}))
	w.must(err)
	if e := said[0].GetEvent(); e.GetEvent().GetId().GetString_() != id(0).String() || e.GetLink().GetId().GetString_() != id(50).String() {
		t.Errorf("%v", e)
	}
}

// A link whose event is not there is sent without one.
func TestDanglingLinks(t *testing.T) {
	w := start(t)
	s, deleted, ended, links := w.name("s"), w.name("deleted"), w.name("ended"), w.name("links")
	for _, name := range []string{s, deleted, ended} {
		w.append(name, esdb.NoStream{}, events(0, 3)...)
	}
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetTruncateBefore(1) })
	w.must(w.delete(deleted, esdb.Any{}))
	w.must(w.tombstone(ended, esdb.Any{}))
	dangling := []string{"7@" + s, "0@" + s, "0@" + w.name("ghost"), "1@" + deleted, "1@" + ended}
	for n, target := range dangling {
		w.append(links, esdb.Any{}, link(50+n, target))
	}
	w.append(links, esdb.Any{}, link(99, "1@"+s))
	resolved := w.resolve(links)
	if len(resolved) != len(dangling)+1 {
		t.Fatalf("%d links", len(resolved))
	}
	for n, target := range dangling {
		if r := resolved[n]; r.Event != nil || r.Link == nil || string(r.Link.Data) != target {
			t.Errorf("%s: %+v", plain(target), r)
		}
	}
	if r := resolved[len(dangling)]; r.Event == nil || r.Event.EventNumber != 1 {
		t.Errorf("%+v", r)
	}
	w.append(deleted, esdb.Any{}, event(3))
	w.append(links, esdb.Any{}, link(98, "3@"+deleted))
	resolved = w.resolve(links)
	if r := resolved[len(resolved)-1]; r.Event == nil || r.Event.StreamID != deleted {
		t.Errorf("into a stream that came back: %+v", r)
	}
	if r := resolved[3]; r.Event != nil {
		t.Errorf("what was deleted before came back: %+v", r.Event)
	}
}

func TestLinksToLinksAreResolvedOnce(t *testing.T) {
	w := start(t)
	s, links, far := w.name("s"), w.name("links"), w.name("far")
	w.append(s, esdb.NoStream{}, event(0))
	w.append(links, esdb.NoStream{}, link(50, "0@"+s))
	w.append(far, esdb.NoStream{}, link(60, "0@"+links))
	if r := w.resolve(far)[0]; r.Event == nil || r.Event.StreamID != links || r.Event.EventType != "$>" {
		t.Errorf("%+v", r.Event)
	}
}

func TestLinksWhoseTextIsNone(t *testing.T) {
	w := start(t)
	links := w.name("links")
	texts := []string{"", "@", "0@", "@s", "x@s", "-1@s", "99999999999999999999@s", "nothing"}
	for n, text := range texts {
		w.append(links, esdb.Any{}, link(50+n, text))
	}
	for n, r := range w.resolve(links) {
		if r.Event != nil && r.Event.StreamID != links {
			t.Errorf("%q: %+v", texts[n], r.Event)
		}
	}
}

func TestSubscriptionsAndAllResolveLinks(t *testing.T) {
	w := start(t)
	from := w.anchor()
	s, links := w.name("s"), w.name("links")
	w.append(s, esdb.NoStream{}, event(0))
	w.append(links, esdb.NoStream{}, link(50, "0@"+s), link(51, "9@"+s))
	check := func(what string, e *esdb.ResolvedEvent) {
		t.Helper()
		if e.OriginalEvent().StreamID == links && e.Link == nil || e.Link != nil && e.Event != nil && e.Event.StreamID != s {
			t.Errorf("%s: %+v", what, e)
		}
	}
	for _, e := range w.readAll(esdb.ReadAllOptions{From: from, ResolveLinkTos: true}, 100) {
		check("read", e)
	}
	sub, err := w.client.SubscribeToStream(w.ctx, links, esdb.SubscribeToStreamOptions{From: esdb.Start{}, ResolveLinkTos: true})
	w.must(err)
	defer sub.Close()
	for n := range 2 {
		e := sub.Recv().EventAppeared
		check("subscribed", e)
		if (e.Event != nil) != (n == 0) {
			t.Errorf("link %d: %+v", n, e.Event)
		}
	}
}
