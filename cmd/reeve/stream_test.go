package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/auth"
)

// A listener follows a stream as a browser does: by its address alone.
type listener struct {
	t      *testing.T
	status int
	lines  chan string // closed when the stream ends
	close  context.CancelFunc
}

func (m *manor) listen(path, last string) *listener {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", m.url+path, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	r.Header.Set("Origin", "https://shop.example")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	l := &listener{m.t, res.StatusCode, make(chan string, 1024), cancel}
	if res.StatusCode == http.StatusOK && (res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Access-Control-Allow-Origin") != "*") {
		m.t.Errorf("%v", res.Header)
	}
	go func() {
		defer res.Body.Close()
		defer close(l.lines)
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			l.lines <- s.Text()
		}
	}()
	return l
}

// A notice is what a stream tells.
type notice struct {
	ID   string
	Data struct {
		Type, Etag   string
		LastModified int64
	}
}

// next is the next notice; false if the stream ends before.
func (l *listener) next() (n notice, ok bool) {
	l.t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case line, open := <-l.lines:
			switch field, value, _ := strings.Cut(line, ": "); {
			case !open:
				return n, false
			case field == "id":
				n.ID = value
			case field == "data":
				decode(l.t, []byte(value), &n.Data)
			case line == "" && n.Data.Type != "":
				return n, true
			}
		case <-late:
			l.t.Fatal("no notice within a minute")
		}
	}
}

// quiet reports what has been told that was not asked for, once something else has.
func (l *listener) drained() (told int) {
	for {
		select {
		case line := <-l.lines:
			if strings.HasPrefix(line, "id: ") {
				told++
			}
		default:
			return told
		}
	}
}

// A bulk is an evaluation of all flags.
type bulk struct {
	status       int
	etag         string
	EventStreams []struct {
		Type     string
		Endpoint struct{ RequestURI string }
	}
	Flags []struct {
		Key   string
		Value json.RawMessage
	}
}

func (m *manor) bulk(as, tenant, match, query, attributes string) (b bulk) {
	m.t.Helper()
	r, err := http.NewRequest("POST", m.url+"/ofrep/v1/evaluate/flags"+query, strings.NewReader(fmt.Sprintf(`{"context":{"tenantId":%q%s}}`, tenant, attributes)))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", as)
	if match != "" {
		r.Header.Set("If-None-Match", match)
	}
	status, h, body := m.send(r)
	if status == http.StatusOK {
		decode(m.t, body, &b)
	} else if status != http.StatusNotModified || len(body) > 0 {
		m.t.Fatalf("%d %s", status, body)
	}
	b.status, b.etag = status, h.Get("ETag")
	return b
}

func (b bulk) value(key string) string {
	for _, f := range b.Flags {
		if f.Key == key {
			return string(f.Value)
		}
	}
	return "none"
}

// A client is told to evaluate again when something has come that could make a
// difference to it, and when an instant has; and then it is told the new value.
func TestStreamsTellWhenToEvaluateAgain(t *testing.T) {
	m := newManor(t)
	tenant, as := m.mine["tenant"], m.callers["tenant"]
	first := m.bulk(as, tenant, "", "", "")
	if len(first.EventStreams) != 1 || first.EventStreams[0].Type != "sse" || first.value("probe-flag") != "true" {
		t.Fatalf("%+v", first)
	}
	path := first.EventStreams[0].Endpoint.RequestURI
	if again := m.bulk(as, tenant, first.etag, "", ""); again.status != http.StatusNotModified {
		t.Errorf("asked again: %d", again.status)
	}
	if other := m.bulk(as, tenant, first.etag, "", `,"plan":"gold"`); other.status != http.StatusOK || other.EventStreams[0].Endpoint.RequestURI != path {
		t.Errorf("for somebody else at the same place: %+v", other)
	}
	l := m.listen(path, "")
	l.next() // whoever comes anew is told once
	m.do("PUT", "/v1/nodes/"+m.theirs["tenant"]+"/flags/probe-flag", `{"value":false}`)
	m.do("PUT", "/v1/tenants/"+tenant+"/quotas/users", `{"limit":11}`)
	m.do("PUT", "/v1/nodes/"+tenant+"/flags/probe-flag", `{"value":false}`)
	n, _ := l.next()
	if n.Data.Type != "refetchEvaluation" || !strings.HasPrefix(n.ID, strings.Trim(n.Data.Etag, `"`)+"-") || time.Since(time.Unix(n.Data.LastModified, 0)) > time.Minute {
		t.Errorf("%+v", n)
	}
	second := m.bulk(as, tenant, first.etag, "?flagConfigEtag="+url.QueryEscape(n.Data.Etag), "")
	if second.status != http.StatusOK || second.value("probe-flag") != "false" {
		t.Errorf("after the notice: %+v", second)
	}
	soon := time.Now().Add(1500 * time.Millisecond).UTC().Truncate(time.Millisecond)
	m.do("PUT", "/v1/nodes/"+tenant+"/flags/probe-flag", fmt.Sprintf(`{"value":false,"validUntil":%q}`, soon.Format(time.RFC3339Nano)))
	l.next()
	expired, _ := l.next()
	if now := time.Now(); now.Before(soon) || m.bulk(as, tenant, second.etag, "", "").status != http.StatusOK && m.bulk(as, tenant, "", "", "").value("probe-flag") != "false" {
		t.Errorf("at %v of %v: %+v", now, soon, expired)
	}
	if told := l.drained(); told > 0 {
		t.Errorf("%d notices more", told)
	}
	l.close()
	since := m.listen(path, first.etag) // which is no position
	since.next()
	missed := m.listen(path, n.ID)
	if again, ok := missed.next(); !ok || again.ID == n.ID {
		t.Errorf("whoever was away has missed what came: %+v", again)
	}
	current := m.listen(path, expired.ID)
	m.do("POST", "/v1/flags/probe-flag/kill", "")
	if n, ok := current.next(); !ok || n.ID == expired.ID {
		t.Errorf("whoever has missed nothing is told what comes: %+v", n)
	}
}

// A stream ends when its holder may not evaluate any more, and nobody gets in with
// something that is no ticket.
func TestStreamsEndWithTheRight(t *testing.T) {
	m := newManor(t)
	tenant := m.mine["tenant"]
	c := m.register(tenant, domain.PermissionsOf(domain.FlagEvaluate))
	path := m.bulk("Bearer "+m.token(c), tenant, "", "", "").EventStreams[0].Endpoint.RequestURI
	for _, wrong := range []string{"/ofrep/v1/stream", path[:len(path)-2], path + "A", strings.Replace(path, "ticket=", "ticket=A", 1), "/ofrep/v1/stream?ticket=AAAA"} {
		if l := m.listen(wrong, ""); l.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", wrong, l.status)
		}
	}
	l := m.listen(path, "")
	l.next()
	m.do("POST", "/v1/tenants/"+tenant+"/suspend", `{"cause":"security"}`)
	if n, ok := l.next(); ok {
		t.Errorf("told a suspended tenant's %+v", n)
	}
	if l := m.listen(path, ""); l.status != http.StatusUnauthorized {
		t.Errorf("let in a suspended tenant's: %d", l.status)
	}
	m.do("POST", "/v1/tenants/"+tenant+"/resume", `{"cause":"security"}`)
	l = m.listen(path, "")
	l.next()
	m.do("POST", "/v1/nodes/"+tenant+"/clients/"+c.ID+"/disable", "")
	if n, ok := l.next(); ok {
		t.Errorf("told a disabled client %+v", n)
	}
}

// Nobody keeps others out by taking the room of all streams: not one principal nor many
// of a tenant, nor an integrator. A server that ends lets them go.
func TestStreamsHaveRoom(t *testing.T) {
	m := newManor(t)
	m.source.Streams.Most = 4
	path := func(as, tenant string) string {
		return m.bulk(as, tenant, "", "", "").EventStreams[0].Endpoint.RequestURI
	}
	mine, theirs := m.mine["tenant"], m.theirs["tenant"]
	first, second := m.client(mine, domain.PermissionsOf(domain.FlagEvaluate)), m.client(mine, domain.PermissionsOf(domain.FlagEvaluate))
	other := m.client(theirs, builtIn("tenant-admin"))
	var all []*listener
	for _, as := range []string{first, first, second, second} {
		l := m.listen(path(as, mine), "")
		if all = append(all, l); l.status != http.StatusOK {
			t.Fatalf("there is room: %d", l.status)
		}
		l.next()
	}
	if l := m.listen(path(first, mine), ""); l.status != http.StatusTooManyRequests {
		t.Errorf("one too many of one: %d", l.status)
	}
	feed := m.follow(other, "", "")
	if feed.status != http.StatusOK {
		t.Fatalf("room for another integrator's: %d", feed.status)
	}
	if l := m.listen(path(other, theirs), ""); l.status != http.StatusOK {
		t.Errorf("and for as much as the first has: %d", l.status)
	}
	if l := m.listen(path(other, theirs), ""); l.status != http.StatusTooManyRequests {
		t.Errorf("and for more: %d", l.status)
	}
	m.do("PUT", "/v1/nodes/"+mine+"/flags/probe-flag", `{"value":false}`)
	told := 0
	for _, l := range all {
		if _, ok := l.next(); ok {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d of four are left", told)
	}
	feed.close()
	for began := time.Now(); m.listen(path(other, theirs), "").status != http.StatusOK; {
		if time.Since(began) > time.Minute {
			t.Fatal("the room of one who has gone is not free")
		}
	}
}

// A told is one notice of the feed.
type told struct{ event, data string }

// feed reads notices until one has an id, which is the last of what a fact has changed.
func (l *listener) feed() (all []told, id string) {
	l.t.Helper()
	late := time.After(time.Minute)
	var n told
	for {
		select {
		case line, open := <-l.lines:
			switch field, value, _ := strings.Cut(line, ": "); {
			case !open:
				return all, ""
			case field == "id":
				id = value
			case field == "event":
				n.event = value
			case field == "data":
				n.data = value
			case line == "" && n.event != "":
				all, n = append(all, n), told{}
			case line == "" && id != "" && len(all) > 0:
				return all, id
			}
		case <-late:
			l.t.Fatal("nothing is told within a minute")
		}
	}
}

// follow opens the feed as somebody.
func (m *manor) follow(as, query, last string) *listener {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", m.url+"/v1/stream"+query, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Authorization", as)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	l := &listener{m.t, res.StatusCode, make(chan string, 4096), cancel}
	go func() {
		defer res.Body.Close()
		defer close(l.lines)
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			l.lines <- s.Text()
		}
	}()
	return l
}

// What the feed tells of a command is what its preview listed, to each as far as they
// may see; and whoever comes back misses nothing.
func TestTheFeedTellsWhatAPreviewListed(t *testing.T) {
	m := newManor(t)
	admin := "Bearer " + m.world.token
	all, mine, theirs := m.follow(admin, "", ""), m.follow(m.callers["tenant"], "", ""), m.follow(m.callers["partner"], "?node="+m.mine["tenant"], "")
	<-all.lines
	<-mine.lines
	<-theirs.lines
	for _, command := range []struct{ path, body string }{
		{"/nodes/" + m.mine["integrator"] + "/flags/probe-given", `{"value":true}`},
		{"/flags/probe-flag/kill", ""},
	} {
		method := map[bool]string{true: "PUT", false: "POST"}[command.body != ""]
		_, _, b := m.ask(admin, probe{method: method, path: "/v1/preview" + command.path, body: command.body})
		var shown struct{ Changes []map[string]any }
		decode(t, b, &shown)
		m.do(method, "/v1"+command.path, command.body)
		for name, l := range map[string]*listener{"the platform": all, "a tenant": mine, "an integrator, of a tenant": theirs} {
			var want, got []string
			for _, c := range shown.Changes {
				if l == all || c["node"] == m.mine["tenant"] || c["tenant"] == m.mine["tenant"] {
					want = append(want, fmt.Sprint(c["flag"], c["node"], c["before"], c["after"]))
				}
			}
			if len(want) == 0 {
				continue
			}
			notices, id := l.feed()
			for _, n := range notices {
				var c map[string]any
				decode(t, []byte(n.data), &c)
				got = append(got, fmt.Sprint(c["flag"], c["node"], c["before"], c["after"]))
				if n.event != "EffectiveValueChanged" || fmt.Sprint(uint64(c["position"].(float64))) != id {
					t.Errorf("%s: %+v as of %s", name, n, id)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s is told of %s\n%v\nwant\n%v", name, command.path, got, want)
			}
		}
	}
	_, id := m.feedOf(admin, func() {
		m.do("POST", "/v1/tenants/"+m.mine["tenant"]+"/suspend", `{"cause":"security"}`)
	})
	m.do("POST", "/v1/tenants/"+m.mine["tenant"]+"/resume", `{"cause":"security"}`)
	notices, _ := m.follow(admin, "", id).feed()
	var n struct{ Node, Level, Standing string }
	decode(t, []byte(notices[len(notices)-1].data), &n)
	if last := notices[len(notices)-1]; last.event != "NodeChanged" || n.Node != m.mine["tenant"] || n.Level != "tenant" || n.Standing != "active" {
		t.Errorf("who comes back is told %+v", notices)
	}
}

// feedOf is what the feed tells of what is done.
func (m *manor) feedOf(as string, do func()) ([]told, string) {
	m.t.Helper()
	l := m.follow(as, "", "")
	<-l.lines // it has begun
	do()
	return l.feed()
}

// Nobody reads a feed that must not, or reads on.
func TestTheFeedEndsWithTheRight(t *testing.T) {
	m := newManor(t)
	for as, want := range map[string]int{"anonymous": 401, "garbage": 401, "evaluation key": 403, "suspended": 403} {
		if l := m.follow(m.callers[as], "", ""); l.status != want {
			t.Errorf("%s: %d, want %d", as, l.status, want)
		}
	}
	for query, want := range map[string]int{"?node=" + m.theirs["tenant"]: 404, "?node=" + m.mine["integrator"]: 403, "?node=platform": 403} {
		if l := m.follow(m.callers["tenant"], query, ""); l.status != want && l.status != 404 {
			t.Errorf("%s: %d, want %d", query, l.status, want)
		}
	}
	for last, want := range map[string]int{"x": 400, "99999999": 400} {
		if l := m.follow(m.callers["tenant"], "", last); l.status != want {
			t.Errorf("behind %s: %d, want %d", last, l.status, want)
		}
	}
	c := m.register(m.mine["tenant"], domain.PermissionsOf(domain.FlagRead))
	l := m.follow("Bearer "+m.token(c), "", "")
	<-l.lines
	m.do("POST", "/v1/nodes/"+m.mine["tenant"]+"/clients/"+c.ID+"/disable", "")
	m.do("PUT", "/v1/nodes/"+m.mine["tenant"]+"/flags/probe-flag", `{"value":false}`)
	if notices, _ := l.feed(); len(notices) > 0 {
		t.Errorf("a disabled client is told %+v", notices)
	}
}

// Who loses one of two tenants is told no more of it by a feed that is open.
func TestAFeedTellsWhatItsReaderMaySeeByNow(t *testing.T) {
	m := newManor(t)
	u := m.do("POST", "/v1/users", `{"home":"platform","login":"both@example.com","name":"Both"}`).ID
	m.do("POST", "/v1/users/"+u+"/activate", "")
	for _, at := range []string{m.mine["tenant"], m.theirs["tenant"]} {
		m.do("PUT", "/v1/nodes/"+at+"/members/"+u+"/tenant-viewer", "{}")
	}
	m.ready()
	text, _, err := auth.NewIssuer(m.directory, m.sealer, auth.Options{Issuer: "http://" + m.HTTPAddr}).Issue(auth.Grant{Subject: u, Client: m.me, Node: domain.PlatformID, Scopes: builtIn("tenant-viewer")})
	if err != nil {
		t.Fatal(err)
	}
	l := m.follow("Bearer "+text, "", "")
	<-l.lines
	m.do("DELETE", "/v1/nodes/"+m.theirs["tenant"]+"/members/"+u+"/tenant-viewer", "")
	if status, _, _ := m.ask("Bearer "+text, probe{method: "GET", path: "/v1/nodes/" + m.theirs["tenant"] + "/flags"}); status != 404 && status != 403 {
		t.Fatalf("still may: %d", status)
	}
	m.do("PUT", "/v1/nodes/"+m.theirs["tenant"]+"/flags/probe-flag", `{"value":true}`)
	m.do("PUT", "/v1/nodes/"+m.theirs["tenant"]+"/flags/probe-flag", `{"value":false}`)
	m.do("PUT", "/v1/nodes/"+m.mine["tenant"]+"/flags/probe-flag", `{"value":true}`)
	m.do("PUT", "/v1/nodes/"+m.mine["tenant"]+"/flags/probe-flag", `{"value":false}`)
	notices, _ := l.feed()
	for _, n := range notices {
		if strings.Contains(n.data, m.theirs["tenant"]) {
			t.Errorf("told of a tenant that it may not read any more: %s", n.data)
		}
	}
}

// Whoever was away while a validity ended is told on coming back.
func TestWhoeverWasAwayIsToldOfAnInstantThatHasPassed(t *testing.T) {
	m := newManor(t)
	tenant, as := m.mine["tenant"], m.callers["tenant"]
	path := m.bulk(as, tenant, "", "", "").EventStreams[0].Endpoint.RequestURI
	soon := time.Now().Add(2 * time.Second).UTC().Truncate(time.Millisecond)
	m.do("PUT", "/v1/nodes/"+tenant+"/flags/probe-flag", fmt.Sprintf(`{"value":true,"validUntil":%q}`, soon.Format(time.RFC3339Nano)))
	l := m.listen(path, "")
	n, _ := l.next()
	before := m.bulk(as, tenant, "", "", "")
	l.close()
	for after := before; after.value("probe-flag") == before.value("probe-flag"); after = m.bulk(as, tenant, "", "", "") {
		if time.Since(soon) > time.Minute {
			t.Fatal("the validity does not end")
		}
	}
	back := m.listen(path, n.ID)
	late := time.After(5 * time.Second)
	for {
		select {
		case line := <-back.lines:
			if strings.HasPrefix(line, "data: ") {
				return
			}
		case <-late:
			t.Fatal("the value changed while the client was away, and it is never told")
		}
	}
}

// A tenant that goes is gone for whoever could see it until then, and they learn nothing
// else; also who comes back later, and who reads of that tenant alone.
func TestTheFeedTellsWhoHasLeft(t *testing.T) {
	m := newManor(t)
	goes, stays := m.mine["tenant"], m.theirs["integrator"]
	other := m.client(stays, builtIn("integrator-admin"))
	readers := map[string]*listener{
		"old": m.follow(m.callers["partner"], "", ""), "old, of that": m.follow(m.callers["partner"], "?node="+goes, ""),
		"new": m.follow(other, "", ""), "the platform": m.follow("Bearer "+m.world.token, "", ""), "the platform, of the old": m.follow("Bearer "+m.world.token, "?node="+m.mine["integrator"], ""),
	}
	for _, l := range readers {
		<-l.lines
	}
	before := m.head()
	r := m.do("POST", "/v1/tenants/"+goes+"/reassign", fmt.Sprintf(`{"integrator":%q}`, stays))
	m.do("PUT", "/v1/nodes/"+goes+"/flags/probe-flag", `{"value":false}`)
	readers["old, again"] = m.follow(m.callers["partner"], "", fmt.Sprint(before))
	for name, l := range readers {
		all, id := l.feed()
		last := all[len(all)-1]
		var n map[string]any
		decode(t, []byte(last.data), &n)
		switch gone := strings.Contains(name, "old"); {
		case id != fmt.Sprint(r.Position):
			t.Errorf("%s: told %+v as of %s, want %d", name, all, id, r.Position)
		case gone && (len(all) != 1 || last.event != "NodeGone" || n["node"] != goes || len(n) != 3):
			t.Errorf("%s: told %+v", name, all)
		case !gone && (last.event != "NodeChanged" || n["parent"] != stays):
			t.Errorf("%s: told %+v", name, all)
		}
	}
	if all, id := readers["old, of that"].feed(); id != "" {
		t.Errorf("and then %+v", all)
	}
	m.do("PUT", "/v1/nodes/"+m.mine["integrator"]+"/flags/probe-flag", `{"value":true}`)
	for _, name := range []string{"old", "old, again"} {
		if all, _ := readers[name].feed(); strings.Contains(fmt.Sprint(all), goes) {
			t.Errorf("%s: told of the tenant %+v", name, all)
		}
	}
	back := m.do("POST", "/v1/tenants/"+goes+"/reassign", fmt.Sprintf(`{"integrator":%q}`, m.mine["integrator"]))
	again := m.follow(m.callers["partner"], "", fmt.Sprint(before))
	for id := ""; id != fmt.Sprint(back.Position); {
		var all []told
		if all, id = again.feed(); strings.Contains(fmt.Sprint(all), stays) {
			t.Errorf("told where it was meanwhile: %+v", all)
		}
	}
}

// A fact of which more comes than is kept for many readers is told of all the same, to
// each as far as they may see; and whoever comes back behind too many facts is told to
// read anew.
func TestTheFeedTellsOfVeryMuch(t *testing.T) {
	m := newManor(t)
	const users = flag.Listed + 100
	facts := make([]domain.Proposed, users)
	for i := range facts {
		at := flag.Saying{Node: domain.NodeID(uuid.NewString()), Level: domain.UserLevel, Parent: domain.NodeID(m.theirs["tenant"]), Flag: "probe-flag", Setting: flag.Setting{Value: json.RawMessage("true")}}
		facts[i] = domain.Proposed{ID: uuid.New(), Event: flag.Overridden(at)}
	}
	for some := range slices.Chunk(facts, 500) {
		if _, err := m.store.Append(t.Context(), "nodeflags-of-users", domain.AtEnd, domain.Meta{CommandID: uuid.NewString(), At: time.Now()}, some); err != nil {
			t.Fatal(err)
		}
	}
	admin := "Bearer " + m.world.token
	head := m.head()
	all, mine := m.follow(admin, "", ""), m.follow(m.callers["tenant"], "", "")
	<-all.lines
	<-mine.lines
	_, _, b := m.ask(admin, probe{method: "POST", path: "/v1/preview/flags/probe-flag/kill"})
	var shown flag.Preview
	decode(t, b, &shown)
	m.do("POST", "/v1/flags/probe-flag/kill", "")
	notices, id := all.feed()
	if len(shown.Changes) != flag.Listed || shown.Total.Changes < users || len(notices) != shown.Total.Changes {
		t.Errorf("%d notices; the preview lists %d of %+v", len(notices), len(shown.Changes), shown.Total)
	}
	for i, n := range notices {
		var c flag.PreviewedChange
		decode(t, []byte(n.data), &c)
		if n.event != "EffectiveValueChanged" || i < len(shown.Changes) && c.Node != shown.Changes[i].Node {
			t.Fatalf("the %dth is %+v", i, n)
		}
	}
	own, last := mine.feed()
	for _, n := range own {
		if !strings.Contains(n.data, m.mine["tenant"]) || last != id {
			t.Errorf("a tenant is told %+v as of %s", n, last)
		}
	}
	for from, want := range map[uint64][]told{0: {{"Missed", `{"position":` + id + `}`}}, head - 1000: {{"Missed", `{"position":` + id + `}`}}, head: own} {
		if got, last := m.follow(m.callers["tenant"], "", fmt.Sprint(from)).feed(); !slices.Equal(got, want) || last != id {
			t.Errorf("behind %d: told %+v as of %s, want %+v", from, got, last, want)
		}
	}
}
