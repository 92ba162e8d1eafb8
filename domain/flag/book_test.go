package flag_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	. "github.com/reeve-platform/reeve/domain/flag"
)

// A chronicle is a log, and everything that it comes to by folding it from the
// beginning: what a Book must agree with.
type chronicle []domain.Recorded

func (c *chronicle) add(e domain.Event, at time.Time) domain.Recorded {
	r := domain.Recorded{Stream: "tenant-of-a-test", Event: e, Position: uint64(len(*c))*3 + 7, Meta: domain.Meta{At: at}}
	*c = append(*c, r)
	return r
}

// A bygone is what a log had come to at a position.
type bygone struct {
	chronicle
	position         uint64
	segments         map[SegmentKey]Segment
	flag             Flag
	bound            uint64
	defined, settled uint64
	level            map[domain.NodeID]domain.Level
	parent           map[domain.NodeID]domain.NodeID
	standing         map[domain.NodeID]domain.Standing
	stood            map[domain.NodeID]uint64
	said             map[domain.NodeID]*Setting
	saidBy           map[domain.NodeID]uint64
}

func (c chronicle) at(position uint64, k Key) bygone {
	p := bygone{
		chronicle: c, position: position, segments: map[SegmentKey]Segment{},
		level: map[domain.NodeID]domain.Level{domain.PlatformID: domain.PlatformLevel}, parent: map[domain.NodeID]domain.NodeID{}, standing: map[domain.NodeID]domain.Standing{},
		stood: map[domain.NodeID]uint64{}, said: map[domain.NodeID]*Setting{}, saidBy: map[domain.NodeID]uint64{},
	}
	for _, r := range c {
		if r.Position > position {
			break
		}
		p.learn(r, k)
	}
	return p
}

func (p *bygone) learn(r domain.Recorded, k Key) {
	switch e := r.Event.(type) {
	case hung:
		if was := p.level[e.node]; was == "" || was == e.level { // what an id names does not change its kind
			p.level[e.node], p.parent[e.node] = e.level, e.parent
		}
	case stands:
		if p.standing[e.node] != e.standing {
			p.stood[e.node] = r.Position
		}
		p.standing[e.node] = e.standing
	case Overridden:
		if _, known := p.level[e.Node]; !known && e.Level == domain.UserLevel {
			p.level[e.Node], p.parent[e.Node], p.standing[e.Node] = e.Level, e.Parent, domain.Usable
		}
		if e.Flag == k {
			s := e.Setting
			p.said[e.Node], p.saidBy[e.Node] = &s, r.Position
		}
	case Cleared:
		if e.Flag == k {
			p.said[e.Node] = nil
		}
	case Locked:
		p.hold(e.Node, e.Flag == k, true)
	case Unlocked:
		p.hold(e.Node, e.Flag == k, false)
	case SegmentDefined:
		p.segments[e.Segment] = p.segments[e.Segment].Evolve(e)
	case SegmentUpdated:
		p.segments[e.Segment] = p.segments[e.Segment].Evolve(e)
	case SegmentRetired:
		p.segments[e.Segment] = p.segments[e.Segment].Evolve(e)
	case PrerequisitesSet:
		if e.Flag == k {
			p.bound = r.Position
			p.evolve(r, true)
		}
	case Defined:
		p.define(r, e.Flag == k)
	case Updated:
		p.define(r, e.Flag == k)
	case Activated:
		p.evolve(r, e.Flag == k)
	case Killed:
		p.evolve(r, e.Flag == k)
	case Revived:
		p.evolve(r, e.Flag == k)
	case Archived:
		p.evolve(r, e.Flag == k)
	}
}

func (p *bygone) hold(n domain.NodeID, ours, on bool) {
	if ours && p.said[n] != nil {
		s := *p.said[n]
		s.Locked = on
		p.said[n] = &s
	}
}

func (p *bygone) define(r domain.Recorded, ours bool) {
	if ours {
		p.defined = r.Position
		p.evolve(r, true)
	}
}

func (p *bygone) evolve(r domain.Recorded, ours bool) {
	if !ours {
		return
	}
	now := p.flag.Evolve(r.Event)
	if now.Status != p.flag.Status {
		p.settled = r.Position
	}
	p.flag = now
}

// wanted is the answer in terms of the cascade, by the way that the read model and
// the why endpoint take.
type wanted struct {
	Value, Variant string
	Rule           string
	Bucket         int
	Reason         Reason
	Cause          Cause
	Level          domain.Level
	Node           domain.NodeID
	Position       uint64
}

func (p bygone) evaluate(n, user domain.NodeID, who *Context, at time.Time) (w wanted, err error) {
	if p.level[n] == "" {
		return w, ErrNodeNotFound
	}
	line := []domain.NodeID{n}
	for a := p.parent[n]; a != "" && p.level[a] != ""; a = p.parent[a] {
		line = append(line, a)
	}
	slices.Reverse(line)
	standing, stood := p.standing[n], p.stood[n]
	if a := p.parent[n]; p.level[n] == domain.TenantLevel && standing.Under(p.standing[a]) != standing {
		standing, stood = p.standing[a], p.stood[a]
	}
	if p.level[user] == domain.UserLevel && p.parent[user] == n {
		line = append(line, user)
	}
	e, err := p.resolve(line, Input{Standing: standing, Node: n, At: at, Context: who, Segments: func(k SegmentKey) *Audience { return p.segments[k].Audience() }})
	if err != nil {
		return w, err
	}
	w = wanted{string(e.Value), e.Variant, e.Rule, -1, e.Reason, e.Cause, e.Decision.Decider.Level, e.Decision.Decider.Node, p.defined}
	if e.Bucket != nil {
		w.Bucket = *e.Bucket
	}
	switch {
	case e.Cause == NotActive:
		w.Level, w.Node, w.Position = "", "", stood
	case e.Cause == Unmet:
		w.Level, w.Node, w.Position = "", "", p.bound
	case e.Reason == Disabled:
		w.Level, w.Node, w.Position = "", "", p.settled
	case w.Level != "":
		w.Position = p.saidBy[w.Node]
	}
	return w, nil
}

// resolve evaluates over the layers of a line, and whatever the flag depends on over
// theirs.
func (p bygone) resolve(line []domain.NodeID, in Input) (Evaluation, error) {
	in.Prerequisites = func(k Key, in Input) (Evaluation, error) {
		return p.chronicle.at(p.position, k).resolve(line, in)
	}
	var layers []Layer
	for _, a := range line {
		if s := p.said[a]; s != nil {
			layers = append(layers, s.Layer(p.level[a], a))
		}
	}
	return Evaluate(p.flag, in, layers...)
}

func nodeNumber(n int) domain.NodeID {
	return domain.NodeID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", n+1))
}

// world draws a history of a small tree: nodes that come, move and stand this way
// or that, flags of every mode and status, and what is said about them.
type world struct {
	*rapid.T
	log  chronicle
	book *Book
	now  time.Time
}

var (
	worldFlags = []Key{"a", "b", "c", "d"}
	worldNodes = func() (all []domain.NodeID) {
		all = append(all, domain.PlatformID)
		for n := range 7 {
			all = append(all, nodeNumber(n))
		}
		return all
	}()
)

func (w *world) happen(e domain.Event) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(w.T, "pause")) * time.Minute)
	if err := w.book.Apply(w.log.add(e, w.now)); err != nil {
		w.Fatal(err)
	}
}

func (w *world) grow() {
	w.happen(hung{domain.PlatformID, domain.PlatformLevel, ""})
	w.happen(stands{domain.PlatformID, domain.Usable})
	for n, node := range worldNodes[1:] {
		level, parent := domain.IntegratorLevel, domain.PlatformID
		switch {
		case n >= 5:
			level, parent = domain.UserLevel, nodeNumber(2+n%3)
		case n >= 2:
			level, parent = domain.TenantLevel, nodeNumber(n%2)
		}
		w.happen(hung{node, level, parent})
		w.happen(stands{node, domain.Usable})
	}
	w.happen(SegmentDefined{Segment: "crew", Membership: Membership{Included: []string{"ann"}}})
	for i, k := range worldFlags {
		d := Definition{Type: Number, Default: json.RawMessage("5"), Off: json.RawMessage("0"), Mode: cascade.Replace,
			Variants: map[string]json.RawMessage{"five": json.RawMessage("5"), "none": json.RawMessage("0"), "three": json.RawMessage("3.0")}}
		if i == 3 {
			d.Mode = cascade.Restrict
		}
		w.happen(Defined{Flag: k, Definition: d})
		if i != 2 {
			w.happen(Activated{Flag: k})
		}
	}
}

// regroup changes who is in the crew, or retires it, or brings it back.
func (w *world) regroup() {
	some := rapid.SliceOfN(rapid.SampledFrom([]string{"ann", "bob", "cy"}), 0, 2)
	m := Membership{Included: some.Draw(w.T, "included"), Excluded: some.Draw(w.T, "excluded")}
	for _, region := range rapid.SliceOfN(rapid.SampledFrom([]string{`"eu"`, `"us"`}), 0, 2).Draw(w.T, "regions") {
		m.Any = append(m.Any, []Condition{{Attribute: "region", Op: "in", Values: []json.RawMessage{json.RawMessage(region)}}})
	}
	switch rapid.IntRange(0, 5).Draw(w.T, "crew") {
	case 0:
		w.happen(SegmentRetired{Segment: "crew"})
	case 1:
		w.happen(SegmentDefined{Segment: "crew", Membership: m})
	default:
		w.happen(SegmentUpdated{Segment: "crew", After: m})
	}
}

func (w *world) step() {
	node, k := rapid.SampledFrom(worldNodes).Draw(w.T, "node"), rapid.SampledFrom(worldFlags).Draw(w.T, "flag")
	past := w.log.at(^uint64(0), k)
	switch rapid.IntRange(0, 15).Draw(w.T, "what") {
	case 15:
		w.happen(hung{node, rapid.SampledFrom([]domain.Level{domain.PlatformLevel, domain.IntegratorLevel, domain.TenantLevel, domain.UserLevel}).Draw(w.T, "level"), past.parent[node]})
	case 12:
		var on []Prerequisite
		if k != "a" && rapid.Bool().Draw(w.T, "depends") { // on an earlier one only, so that there is no cycle
			on = []Prerequisite{{Flag: worldFlags[slices.Index(worldFlags, k)-1], Value: json.RawMessage(rapid.SampledFrom([]string{"5", "3", "6"}).Draw(w.T, "on"))}}
		}
		w.happen(PrerequisitesSet{Flag: k, Prerequisites: on, Before: past.flag.Prerequisites})
	case 13:
		w.regroup()
	case 0:
		w.happen(Cleared{Node: node, Flag: k})
	case 1:
		if past.said[node] != nil {
			w.happen(Locked{Node: node, Flag: k})
		}
	case 2:
		if past.said[node] != nil {
			w.happen(Unlocked{Node: node, Flag: k})
		}
	case 3:
		w.happen(stands{node, rapid.SampledFrom([]domain.Standing{domain.Usable, domain.Barred, domain.Ended}).Draw(w.T, "standing")})
	case 4:
		w.happen(hung{nodeNumber(3), domain.TenantLevel, nodeNumber(rapid.IntRange(0, 1).Draw(w.T, "parent"))})
	case 5:
		if past.flag.Status == StatusKilled {
			w.happen(Revived{Flag: k, To: past.flag.Before})
		} else {
			w.happen(Killed{Flag: k, From: past.flag.Status})
		}
	case 6:
		d := past.flag.Definition
		d.Default = json.RawMessage(fmt.Sprint(rapid.IntRange(3, 7).Draw(w.T, "default")))
		w.happen(Updated{Flag: k, Before: past.flag.Definition, After: d})
	default:
		s := Setting{Value: json.RawMessage(fmt.Sprint(rapid.IntRange(1, 6).Draw(w.T, "value")))}
		if rapid.Bool().Draw(w.T, "for some") {
			s.Rules = []Rule{{When: []Condition{{Attribute: "region", Op: "in", Values: []json.RawMessage{json.RawMessage(`"eu"`)}}}, Serving: Serving{Value: json.RawMessage("3.0")}}}
			if rapid.Bool().Draw(w.T, "for the crew") {
				s.Rules = append(s.Rules, Rule{When: []Condition{{Segment: "crew"}}, Serving: Serving{Value: json.RawMessage("1")}})
			}
			if rapid.Bool().Draw(w.T, "a share of all") {
				s.Split = &Split{Shares: []Share{{Serving: Serving{Value: json.RawMessage("6")}, Weight: 40_000}}}
			}
			if rapid.Bool().Draw(w.T, "only") {
				s.Value = nil
			}
		}
		if rapid.Bool().Draw(w.T, "begins") {
			t := w.now.Add(time.Duration(rapid.IntRange(-20, 20).Draw(w.T, "from")) * time.Minute)
			s.ValidFrom = &t
		}
		if rapid.Bool().Draw(w.T, "ends") {
			t := w.now.Add(time.Duration(rapid.IntRange(-20, 40).Draw(w.T, "until")) * time.Minute)
			s.ValidUntil = &t
		}
		w.happen(Overridden(Saying{node, past.level[node], past.parent[node], k, s, nil}))
	}
}

// ask holds an answer of the book against the fold over the log.
func (w *world) ask(by *rand.Rand) {
	r, node, user := w.log[by.IntN(len(w.log))], worldNodes[by.IntN(6)], worldNodes[by.IntN(len(worldNodes))]
	k, at := worldFlags[by.IntN(len(worldFlags))], w.now.Add(time.Duration(by.IntN(90)-60)*time.Minute)
	who := &Context{Key: []string{"ann", "bob", "cy", ""}[by.IntN(4)], Attributes: map[string]any{"region": []string{"eu", "us"}[by.IntN(2)]}}
	want, wantErr := w.log.at(r.Position, k).evaluate(node, user, who, at)
	got, err := asked(w.book, k, Question{Node: node, User: domain.UserID(user), Context: who, At: at, Position: r.Position})
	if !errors.Is(err, wantErr) || got != want {
		w.Fatalf("%s at %s for %s at %v as of %d: %+v, %v; want %+v, %v", k, node, user, at, r.Position, got, err, want, wantErr)
	}
}

func asked(b *Book, k Key, q Question) (wanted, error) {
	v, err := b.Look(q)
	if err != nil {
		return wanted{}, err
	}
	a, err := v.Evaluate(k)
	if err != nil {
		return wanted{}, err
	}
	return wanted{string(a.Value), a.Variant, a.Rule, a.Bucket, a.Reason, a.Cause, a.Level, a.Decider(), a.Position}, nil
}

// A hundred worlds, and a thousand questions to each.
func TestABookIsTheFoldAtEveryPosition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, book: NewBook(), now: at}
		w.grow()
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			w.step()
		}
		by := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "questions"), 0))
		for range 1000 {
			w.ask(by)
		}
	})
}

// What an id names does not change its kind, whatever the log says.
func TestANodeKeepsItsKind(t *testing.T) {
	b, log := NewBook(), chronicle{}
	for _, e := range []domain.Event{
		hung{partner, domain.IntegratorLevel, domain.PlatformID}, hung{acme, domain.TenantLevel, partner},
		hung{acme, domain.UserLevel, partner}, hung{partner, domain.TenantLevel, domain.PlatformID}, hung{domain.PlatformID, domain.TenantLevel, partner},
	} {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Fatal(err)
		}
	}
	for node, want := range map[domain.NodeID]domain.Level{domain.PlatformID: domain.PlatformLevel, partner: domain.IntegratorLevel, acme: domain.TenantLevel} {
		if got := b.Level(node); got != want {
			t.Errorf("%s is on the level of a %s, and was of a %s", node, got, want)
		}
	}
	v, err := b.Look(Question{Node: acme, At: at})
	if err != nil || v.Above(domain.TenantLevel) != acme || v.Above(domain.IntegratorLevel) != partner {
		t.Errorf("%+v, %v", v, err)
	}
}

// Of a node that says much, and of many flags, every version is still found.
func TestANodeThatSaysMuch(t *testing.T) {
	b, log, rng := NewBook(), chronicle{}, rand.New(rand.NewPCG(1, 2))
	add := func(e domain.Event) {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Fatal(err)
		}
	}
	add(hung{acme, domain.TenantLevel, ""})
	add(stands{acme, domain.Usable})
	keys := make([]Key, 50)
	for i := range keys {
		keys[i] = Key(fmt.Sprint("f", i))
		add(Defined{keys[i], Definition{Type: Number, Default: json.RawMessage("-1"), Mode: cascade.Replace}})
		add(Activated{Flag: keys[i]})
	}
	for i := range 3000 {
		add(Overridden{acme, domain.TenantLevel, "", keys[rng.IntN(len(keys))], Setting{Value: json.RawMessage(fmt.Sprint(i))}, nil})
	}
	for range 300 {
		k, r := keys[rng.IntN(len(keys))], log[rng.IntN(len(log))]
		want, wantErr := log.at(r.Position, k).evaluate(acme, "", nil, at)
		if got, err := asked(b, k, Question{Node: acme, At: at, Position: r.Position}); got != want || !errors.Is(err, wantErr) {
			t.Fatalf("%s as of %d: %+v, %v; want %+v, %v", k, r.Position, got, err, want, wantErr)
		}
	}
}

// Those who read while a book grows never see half of an event: here each event
// gives flags a and b of a tenant the same value by moving the tenant.
func TestReadersOfAGrowingBook(t *testing.T) {
	b, log := NewBook(), chronicle{}
	add := func(e domain.Event) {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Error(err)
		}
	}
	add(hung{domain.PlatformID, domain.PlatformLevel, ""})
	add(stands{domain.PlatformID, domain.Usable})
	for n := range 2 {
		add(hung{nodeNumber(n), domain.IntegratorLevel, domain.PlatformID})
		add(stands{nodeNumber(n), domain.Usable})
	}
	for _, k := range worldFlags {
		add(Defined{k, Definition{Type: Number, Default: json.RawMessage("9"), Off: json.RawMessage("9"), Mode: cascade.Replace}})
		add(Activated{Flag: k})
		for n := range 2 {
			add(Overridden{nodeNumber(n), domain.IntegratorLevel, domain.PlatformID, k, Setting{Value: json.RawMessage(fmt.Sprint(n))}, nil})
		}
	}
	add(hung{acme, domain.TenantLevel, nodeNumber(0)})
	add(stands{acme, domain.Usable})
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				v, err := b.Look(Question{Node: acme, At: at})
				if err != nil {
					t.Error(err)
					return
				}
				x, _ := v.Evaluate("a")
				y, _ := v.Evaluate("b")
				if string(x.Value) != string(y.Value) || string(x.Value) == "9" {
					t.Errorf("%s and %s as of %d", x.Value, y.Value, v.Position())
					return
				}
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
			}
		})
	}
	for i := range 3000 {
		add(hung{acme, domain.TenantLevel, nodeNumber(i % 2)})
		add(Overridden{nodeNumber(100 + i), domain.UserLevel, acme, "c", Setting{Value: json.RawMessage("1")}, nil})
	}
	close(done)
	readers.Wait()
}

// largeBook is a book of many tenants that say five things each.
func largeBook(tb testing.TB, tenants int) (*Book, []domain.NodeID) {
	b, position := NewBook(), uint64(0)
	add := func(e domain.Event) {
		position++
		if err := b.Apply(domain.Recorded{Stream: "tenant-of-a-test", Event: e, Position: position, Meta: domain.Meta{At: at.Add(time.Duration(position) * 3 * time.Millisecond)}}); err != nil {
			tb.Fatal(err)
		}
	}
	add(hung{domain.PlatformID, domain.PlatformLevel, ""})
	add(stands{domain.PlatformID, domain.Usable})
	for n := range 200 {
		k := Key(fmt.Sprintf("flag-%03d", n))
		add(Defined{k, Definition{Type: Boolean, Default: json.RawMessage("false"), Off: json.RawMessage("false"), Mode: cascade.Replace,
			Variants: map[string]json.RawMessage{"on": json.RawMessage("true"), "off": json.RawMessage("false")}}})
		add(Activated{Flag: k})
		if n%10 == 0 {
			add(Overridden{domain.PlatformID, domain.PlatformLevel, "", k, Setting{Value: json.RawMessage("true")}, nil})
		}
	}
	var integrators, nodes []domain.NodeID
	for range 100 {
		id := domain.NodeID(uuid.NewString())
		integrators = append(integrators, id)
		add(hung{id, domain.IntegratorLevel, domain.PlatformID})
		add(stands{id, domain.Usable})
	}
	for n := range tenants {
		id := domain.NodeID(uuid.NewString())
		nodes = append(nodes, id)
		add(hung{id, domain.TenantLevel, integrators[n%len(integrators)]})
		add(stands{id, domain.Usable})
		for i := range 5 {
			k := Key(fmt.Sprintf("flag-%03d", (n+41*i)%200))
			add(Overridden{id, domain.TenantLevel, integrators[n%len(integrators)], k, Setting{Value: json.RawMessage("true")}, nil})
		}
	}
	return b, nodes
}

func TestEvaluatingAllocatesNothing(t *testing.T) {
	b, nodes := largeBook(t, 100)
	if n := testing.AllocsPerRun(100, func() {
		v, err := b.Look(Question{Node: nodes[7], At: at})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Evaluate("flag-007"); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Every version of a segment is kept, and an update costs what it changes.
func TestAnUpdateOfASegmentIsSmall(t *testing.T) {
	b, position := NewBook(), uint64(0)
	m := Membership{Any: [][]Condition{{{Attribute: "region", Op: "in"}}}}
	for n := range 5000 {
		m.Included, m.Excluded = append(m.Included, fmt.Sprintf("member-%09d", n)), append(m.Excluded, fmt.Sprintf("other-%010d", n))
		m.Any[0][0].Values = append(m.Any[0][0].Values, json.RawMessage(fmt.Sprintf("\"region-%04d\"", n)))
	}
	update := func() {
		position++
		m.Included[int(position)%len(m.Included)] = fmt.Sprintf("later-%010d", position)
		text, err := json.Marshal(SegmentUpdated{Segment: "crew", After: m})
		if err != nil {
			t.Fatal(err)
		}
		var e SegmentUpdated
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		if err := b.Apply(domain.Recorded{Stream: "segment-crew", Event: e, Position: position, Meta: domain.Meta{At: at}}); err != nil {
			t.Fatal(err)
		}
	}
	held := func() int64 {
		var now runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&now)
		return int64(now.HeapAlloc)
	}
	update()
	before := held()
	for range 50 {
		update()
	}
	each := (held() - before) / 50
	t.Logf("%d bytes for each update", each)
	if each > 16<<10 {
		t.Errorf("%d bytes for each update of one member of 10,000", each)
	}
	runtime.KeepAlive(b)
	runtime.KeepAlive(m)
}

// Whoever asks may share one context among many questions: each has its nodes.
func TestACallersContextIsTheirs(t *testing.T) {
	b, log, who := NewBook(), chronicle{}, Context{Key: "ann", Tenant: "as it was"}
	nodes := []domain.NodeID{acme, nodeNumber(1), nodeNumber(2), nodeNumber(3)}
	facts := []domain.Event{Defined{"a", Definition{Type: String, Default: j(`"?"`), Mode: cascade.Replace}}, Activated{Flag: "a"}}
	for _, node := range nodes {
		here := []Condition{{Attribute: "tenant", Op: "in", Values: []json.RawMessage{j(fmt.Sprintf("%q", node))}}}
		facts = append(facts, hung{node, domain.TenantLevel, ""}, stands{node, domain.Usable},
			Overridden{node, domain.TenantLevel, "", "a", Setting{Rules: []Rule{{When: here, Serving: Serving{Value: j(`"here"`)}}}}, nil})
	}
	for _, e := range facts {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Fatal(err)
		}
	}
	views := make([]View, len(nodes))
	var askers sync.WaitGroup
	for i, node := range nodes {
		askers.Go(func() {
			var err error
			if views[i], err = b.Look(Question{Node: node, Context: &who, At: at}); err != nil {
				t.Error(err)
			}
		})
	}
	askers.Wait()
	for i, v := range views {
		if a, err := v.Evaluate("a"); err != nil || string(a.Value) != `"here"` {
			t.Errorf("%s: %+v, %v", nodes[i], a, err)
		}
	}
	if who.Tenant != "as it was" || who.Integrator != "" {
		t.Errorf("the context became %+v", who)
	}
}

func BenchmarkBook(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	book, nodes := largeBook(b, 100_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	keys := make([]Key, 200)
	for n := range keys {
		keys[n] = Key(fmt.Sprintf("flag-%03d", n))
	}
	held := float64(after.HeapAlloc-before.HeapAlloc)/(1<<20) - float64(len(nodes))*(48+16)/(1<<20) // without the benchmark's own list
	now := func(i int) uint64 { return 0 }
	then := func(i int) uint64 { return book.Position() - uint64(i%100_000) }
	for _, c := range []struct {
		name  string
		nodes int // that are asked about
		as    func(i int) uint64
	}{
		{"now/200-tenants", 200, now}, {"now/100000-tenants", 50_000, now},
		{"as-of/200-tenants", 200, then}, {"as-of/100000-tenants", 50_000, then},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				v, err := book.Look(Question{Node: nodes[i*7919%c.nodes], At: at, Position: c.as(i)})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := v.Evaluate(keys[i%len(keys)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(held, "MiB") // which the loop forgets if it is told before
		})
	}
	b.Run("place-known", func(b *testing.B) {
		v, _ := book.Look(Question{Node: nodes[5], At: at})
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, err := v.Evaluate(keys[i%len(keys)]); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}

// What cannot be read is not passed over: from there on nothing is made up, and
// what was before is still answered.
func TestABookThatCannotRead(t *testing.T) {
	b, log := NewBook(), chronicle{}
	for _, e := range ground {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Fatal(err)
		}
	}
	before := b.Position()
	for _, c := range []struct {
		stream domain.StreamID
		want   error
	}{{"quota-x", nil}, {"nodeflags-x", ErrBlind}, {"quota-x", ErrBlind}} {
		stream, want := c.stream, c.want
		r := log.add(nil, at)
		r.Stream, r.Err = stream, domain.ErrUnknownVersion
		if err := b.Apply(r); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Look(Question{Node: acme, At: at}); !errors.Is(err, want) || !errors.Is(b.Err(), want) {
			t.Errorf("%s: %v", stream, err)
		}
	}
	if _, err := b.Look(Question{Node: acme, At: at, Position: before}); err != nil {
		t.Errorf("as of before: %v", err)
	}
}

// Positions are told apart to the last that there is; after it nothing is made up.
func TestAVeryLongLog(t *testing.T) {
	b := NewBook()
	happen := func(position uint64, e domain.Event) {
		if err := b.Apply(domain.Recorded{Stream: "tenant-of-a-test", Event: e, Position: position, Meta: domain.Meta{At: at}}); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range []domain.Event{
		hung{domain.PlatformID, domain.PlatformLevel, ""}, stands{domain.PlatformID, domain.Usable},
		Defined{"a", Definition{Type: Number, Default: json.RawMessage("-1"), Mode: cascade.Replace}}, Activated{Flag: "a"},
		hung{acme, domain.TenantLevel, nodeNumber(9)}, stands{acme, domain.Usable},
	} {
		happen(uint64(i+1), e)
	}
	for n := range 10 {
		happen(uint64(n+10), hung{nodeNumber(n), domain.IntegratorLevel, domain.PlatformID})
	}
	const last = 1<<44 - 1
	positions := []uint64{1<<16 - 2, 1 << 16, 1<<31 + 1, 1<<32 - 2, 1 << 32, 1<<32 + 2, 1<<40 + 9, last - 2}
	for i, p := range positions {
		happen(p, Overridden{acme, domain.TenantLevel, "", "a", Setting{Value: json.RawMessage(fmt.Sprint(i))}, nil})
		happen(p+1, hung{acme, domain.TenantLevel, nodeNumber(i)})
	}
	for i, p := range positions {
		for as, home := range map[uint64]int{p: i - 1, p + 1: i} {
			v, err := b.Look(Question{Node: acme, At: at, Position: as})
			if err != nil {
				t.Fatal(err)
			}
			if home < 0 {
				home = 9
			}
			if a, err := v.Evaluate("a"); err != nil || string(a.Value) != fmt.Sprint(i) || a.Position != p {
				t.Errorf("as of %d: %s by %d, %v", as, a.Value, a.Position, err)
			}
			if turns, err := b.Turns("a", acme, ""); err != nil || !slices.Contains(turns, Turn{as, acme}) {
				t.Errorf("nothing turned at %d: %v, %v", as, turns, err)
			}
			if got := v.Above(domain.IntegratorLevel); got != nodeNumber(home) {
				t.Errorf("as of %d: under %s, not %s", as, got, nodeNumber(home))
			}
		}
	}
	happen(last, stands{acme, domain.Usable})
	if _, err := b.Look(Question{Node: acme, At: at}); err != nil {
		t.Errorf("as of the last position: %v", err)
	}
	happen(last+1, Overridden{acme, domain.TenantLevel, "", "a", Setting{Value: json.RawMessage("0")}, nil})
	if _, err := b.Look(Question{Node: acme, At: at}); !errors.Is(err, ErrBlind) {
		t.Errorf("after the last position: %v", err)
	}
	if _, err := b.Look(Question{Node: acme, At: at, Position: last}); err != nil {
		t.Errorf("as of the last position, later: %v", err)
	}
}
