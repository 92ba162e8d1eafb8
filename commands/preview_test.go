package commands_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
)

var everywhere = domain.Scope{Paths: []string{string(domain.PlatformID)}}

// An estate is a ledger with a book of flags that follows its log.
type estate struct {
	*commands.Ledger
	flags commands.Flags
}

func foresighted(t testing.TB, log *eventstore.Store) estate {
	t.Helper()
	book := flag.NewBook()
	mirror := auth.NewMirror(book)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = mirror.Follow(log.Prompt(ctx, 0, 1000)) }()
	t.Cleanup(func() { stop(); <-done })
	flags := func(ctx context.Context) (*flag.Book, error) {
		head, err := log.Head(ctx)
		if err == nil {
			err = mirror.Await(ctx, head)
		}
		return book, err
	}
	l := commands.NewLedger(log, commands.Options{NameKey: nameKey, Survey: nobody, Flags: flags})
	if err := commands.Establish(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	return estate{l, flags}
}

// does gives commands that must succeed.
func does[C any](t testing.TB, e estate, name string, cmd C) domain.Receipt {
	t.Helper()
	r, err := give(t, e.Ledger, name, cmd, plainly())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

func (e estate) tenant(t testing.TB, slug string, i domain.IntegratorID) domain.NodeID {
	t.Helper()
	r := does(t, e, "createTenant", tenant.Create{Slug: slug, Name: slug, Kind: tenant.Merchant, Integrator: i,
		Contacts: []domain.Contact{{Role: domain.AdminContact, Name: "Ann", Email: "ann@mail.example"}}})
	does(t, e, "changeQuota", quota.Change{Tenant: domain.TenantID(r.ID), Meter: quota.Users, Limit: 5})
	does(t, e, "activateTenant", tenant.Activate{Tenant: domain.TenantID(r.ID)})
	return domain.NodeID(r.ID)
}

func (e estate) integrator(t testing.TB, name string) domain.IntegratorID {
	t.Helper()
	r := does(t, e, "registerIntegrator", integrator.Register{Kind: integrator.Partner, BusinessName: name,
		Contacts: []domain.Contact{{Role: domain.AdminContact, Name: "Ann", Email: "ann@mail.example"}}})
	does(t, e, "activateIntegrator", integrator.Activate{Integrator: domain.IntegratorID(r.ID)})
	return domain.IntegratorID(r.ID)
}

func (e estate) define(t testing.TB, k flag.Key) {
	t.Helper()
	does(t, e, "defineFlag", flag.Define{Key: k, Type: flag.Boolean, Default: json.RawMessage("true")})
	does(t, e, "activateFlag", flag.Activate{Flag: k})
}

// values are what a flag comes to at nodes.
func (e estate) values(t testing.TB, k flag.Key, nodes ...domain.NodeID) (values []string) {
	t.Helper()
	book, err := e.flags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		v, err := book.Look(flag.Question{Node: n, At: time.Now(), Context: &flag.Context{}})
		if err != nil {
			t.Fatal(err)
		}
		a, err := v.Evaluate(k)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, string(a.Value))
	}
	return values
}

// foreseen asks for a preview of a command, and sees to it that nothing is appended.
func foreseen[C any](t testing.TB, e estate, name string, cmd C, scope domain.Scope) (p flag.Preview, err error) {
	t.Helper()
	before, _ := e.flags(t.Context())
	at := before.Position()
	i := slices.IndexFunc(commands.Catalog, func(e edge.Entry[*commands.Ledger]) bool { return e.Name == name+"Preview" })
	r := plainly()
	r.Scope = scope
	answer, err := commands.Catalog[i].Call(t.Context(), e.Ledger, func(dst any) error { *dst.(*C) = cmd; return nil }, r)
	if err == nil {
		p = answer.Body.(flag.Preview)
	}
	if after, _ := e.flags(t.Context()); after.Position() != at {
		t.Errorf("the preview of %s moved the log", name)
	}
	return p, err
}

func held(to string) edge.Request {
	r := plainly()
	r.Preview, r.Scope = to, everywhere
	return r
}

func changed(p flag.Preview) (nodes []domain.NodeID) {
	for _, c := range p.Changes {
		nodes = append(nodes, c.Node)
	}
	return nodes
}

// What a preview lists is what the command then changes, whichever command it is.
func TestAPreviewIsWhatTheCommandChanges(t *testing.T) {
	e := foresighted(t, realLog(t))
	nord, sued := e.integrator(t, "Nord"), e.integrator(t, "Sued")
	acme, bolt, cash := e.tenant(t, "acme", nord), e.tenant(t, "bolt", nord), e.tenant(t, "cash", sued)
	all := []domain.NodeID{domain.PlatformID, domain.NodeID(nord), domain.NodeID(sued), domain.NodeID(domain.DirectIntegrator), acme, bolt, cash}
	e.define(t, "dark")
	no, yes := json.RawMessage("false"), json.RawMessage("true")
	check := func(name string, p flag.Preview, err error, commit func(edge.Request) error) flag.Preview {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before := e.values(t, "dark", all...)
		if err := commit(held(p.Preview)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var want []domain.NodeID
		for i, v := range e.values(t, "dark", all...) {
			if v != before[i] {
				want = append(want, all[i])
			}
		}
		got := changed(p)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s changed %v, and the preview said %v", name, want, got)
		}
		return p
	}
	p := checked(t, e, check, "overrideFlag", flag.Override{Node: domain.NodeID(nord), Flag: "dark", Value: no})
	if p.Affected != (flag.Affected{Flags: 1, Integrators: 1, Tenants: 2}) || !slices.Equal(p.Facts, []string{"FlagOverridden"}) || p.Targeted {
		t.Errorf("%+v", p)
	}
	checked(t, e, check, "overrideFlag", flag.Override{Node: acme, Flag: "dark", Value: yes})
	p = checked(t, e, check, "lockFlag", flag.Lock{Node: domain.NodeID(nord), Flag: "dark"})
	if len(p.Shadowed) != 1 || p.Shadowed[0].Node != acme || p.Shadowed[0].By != domain.IntegratorLevel {
		t.Errorf("%+v", p.Shadowed)
	}
	checked(t, e, check, "unlockFlag", flag.Unlock{Node: domain.NodeID(nord), Flag: "dark"})
	checked(t, e, check, "reassignTenant", tenant.Reassign{Tenant: domain.TenantID(bolt), Integrator: sued})
	checked(t, e, check, "suspendTenant", tenant.Suspend{Tenant: domain.TenantID(cash), Cause: "billing"})
	checked(t, e, check, "stopIntegrator", integrator.Stop{Integrator: sued, Reason: "unpaid"})
	checked(t, e, check, "restartIntegrator", integrator.Restart{Integrator: sued})
	checked(t, e, check, "clearFlagOverride", flag.ClearOverride{Node: acme, Flag: "dark"})
	checked(t, e, check, "updateFlag", flag.Update{Flag: "dark", Default: no})
	checked(t, e, check, "updateFlag", flag.Update{Flag: "dark", Default: yes})
	checked(t, e, check, "killFlag", flag.Kill{Flag: "dark"})
	if p = checked(t, e, check, "reviveFlag", flag.Revive{Flag: "dark"}); len(p.Changes) == 0 {
		t.Error("a revival changes nothing")
	}
}

func checked[C any](t *testing.T, e estate, check func(string, flag.Preview, error, func(edge.Request) error) flag.Preview, name string, cmd C) flag.Preview {
	t.Helper()
	p, err := foreseen(t, e, name, cmd, everywhere)
	return check(name, p, err, func(r edge.Request) error { _, err := give(t, e.Ledger, name, cmd, r); return err })
}

// A command that is held to a preview is refused when something relevant came between,
// and only then.
func TestACommitIsHeldToItsPreview(t *testing.T) {
	log := realLog(t)
	e, other := foresighted(t, log), foresighted(t, log)
	nord := e.integrator(t, "Nord")
	acme, bolt := e.tenant(t, "acme", nord), e.tenant(t, "bolt", nord)
	e.define(t, "dark")
	e.define(t, "other")
	no := json.RawMessage("false")
	kill := flag.Kill{Flag: "dark"}
	for name, process := range map[string]estate{"this process": e, "another": other} {
		p, err := foreseen(t, e, "killFlag", kill, everywhere)
		if err != nil {
			t.Fatal(err)
		}
		does(t, process, "overrideFlag", flag.Override{Node: acme, Flag: "dark", Value: no})
		_, err = give(t, e.Ledger, "killFlag", kill, held(p.Preview))
		refusal, ok := domain.AsError(err)
		if !ok || !errors.Is(err, commands.ErrPreviewStale) || len(refusal.Fields) != 1 || !strings.Contains(refusal.Fields[0].Detail, string(acme)) {
			t.Errorf("%s: %v, %+v", name, err, refusal)
		}
		narrow := held(p.Preview)
		narrow.Scope = domain.Scope{Paths: []string{"platform/" + string(nord) + "/" + string(bolt)}}
		if _, err = give(t, e.Ledger, "killFlag", kill, narrow); !errors.Is(err, commands.ErrPreviewStale) || strings.Contains(err.Error(), string(acme)) {
			t.Errorf("%s: %v", name, err)
		}
		if refusal, _ = domain.AsError(err); len(refusal.Fields) != 0 {
			t.Errorf("%s told whom it must not: %+v", name, refusal.Fields)
		}
		does(t, process, "clearFlagOverride", flag.ClearOverride{Node: acme, Flag: "dark"})
	}
	p, err := foreseen(t, e, "killFlag", kill, everywhere)
	if err != nil {
		t.Fatal(err)
	}
	does(t, other, "overrideFlag", flag.Override{Node: acme, Flag: "other", Value: no})
	if _, err := give(t, e.Ledger, "deprecateFlag", flag.Deprecate{Flag: "dark"}, held(p.Preview)); !errors.Is(err, commands.ErrPreviewStale) {
		t.Errorf("a preview of another command: %v", err)
	}
	if _, err := give(t, e.Ledger, "killFlag", kill, held(p.Preview)); err != nil {
		t.Errorf("after something irrelevant: %v", err)
	}
	if _, err := give(t, e.Ledger, "killFlag", kill, held(p.Preview)); !errors.Is(err, commands.ErrPreviewStale) {
		t.Errorf("once it is done: %v", err)
	}
	if _, err := give(t, e.Ledger, "unarchiveTenant", tenant.Unarchive{Tenant: domain.TenantID(acme)}, held(p.Preview)); !errors.Is(err, commands.ErrNotPreviewed) {
		t.Errorf("what changes flags and has no preview: %v", err)
	}
	if _, err := give(t, e.Ledger, "changeQuota", quota.Change{Tenant: domain.TenantID(acme), Meter: quota.Users, Limit: 6}, held(p.Preview)); !errors.Is(err, commands.ErrNotPreviewed) {
		t.Errorf("what has no preview: %v", err)
	}
}

// crowded is an estate in which something else happens whenever somebody looks at flags,
// such as at the nth time.
func (e estate) crowded(log *eventstore.Store, happens func(n int)) estate {
	n := 0
	flags := func(ctx context.Context) (*flag.Book, error) { n++; happens(n); return e.flags(ctx) }
	return estate{commands.NewLedger(log, commands.Options{NameKey: nameKey, Survey: nobody, Flags: flags}), flags}
}

// However much of no matter comes all the time, a command that is held to its preview
// goes through; what matters is noticed whenever it comes.
func TestACrowdHoldsUpNobody(t *testing.T) {
	log := realLog(t)
	e, other := foresighted(t, log), foresighted(t, log)
	nord := e.integrator(t, "Nord")
	acme, bolt := e.tenant(t, "acme", nord), e.tenant(t, "bolt", nord)
	for _, k := range []flag.Key{"dark", "other"} {
		e.define(t, k)
	}
	value := func(n int) json.RawMessage { return json.RawMessage([]string{"true", "false"}[n%2]) }
	say := func(at domain.NodeID, k flag.Key) func(n int) {
		return func(n int) { does(t, other, "overrideFlag", flag.Override{Node: at, Flag: k, Value: value(n)}) }
	}
	no := flag.Override{Node: acme, Flag: "dark", Value: value(1)}
	for name, happens := range map[string]func(n int){
		"another flag":       say(bolt, "other"),
		"the flag elsewhere": say(bolt, "dark"),
		"the same stream, at times": func(n int) {
			if n%2 == 1 {
				say(acme, "other")(n / 2)
			}
		},
	} {
		p, err := foreseen(t, e, "overrideFlag", no, everywhere)
		if err != nil || len(p.Changes) != 1 {
			t.Fatal(p, err)
		}
		if _, err := give(t, e.crowded(log, happens).Ledger, "overrideFlag", no, held(p.Preview)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		does(t, e, "clearFlagOverride", flag.ClearOverride{Node: acme, Flag: "dark"})
	}
	for at := 1; at <= 3; at++ { // the comparison, the look before the append, and never
		p, err := foreseen(t, e, "overrideFlag", no, everywhere)
		if err != nil {
			t.Fatal(err)
		}
		happens := func(n int) {
			if n == at {
				does(t, other, "overrideFlag", flag.Override{Node: domain.NodeID(nord), Flag: "dark", Value: value(1)})
			}
		}
		_, err = give(t, e.crowded(log, happens).Ledger, "overrideFlag", no, held(p.Preview))
		if stale := errors.Is(err, commands.ErrPreviewStale); stale != (at < 3) {
			t.Errorf("the integrator says so at the %d. look: %v", at, err)
		}
		if err == nil {
			does(t, e, "clearFlagOverride", flag.ClearOverride{Node: acme, Flag: "dark"})
		} else {
			does(t, e, "clearFlagOverride", flag.ClearOverride{Node: domain.NodeID(nord), Flag: "dark"})
		}
	}
}

// A preview is of one command with all that it says, and good for it once.
func TestAPreviewIsOfOneCommand(t *testing.T) {
	e := foresighted(t, realLog(t))
	e.define(t, "dark")
	e.define(t, "other")
	yes := json.RawMessage("true") // which it is anyway
	soon := time.Now().Add(time.Hour)
	say := flag.Override{Node: domain.PlatformID, Flag: "dark", Value: yes, ValidFrom: &soon}
	p, err := foreseen(t, e, "overrideFlag", say, everywhere)
	if err != nil || len(p.Changes) != 0 {
		t.Fatal(p, err)
	}
	other, early := say, say
	other.Flag, early.ValidFrom = "other", nil
	for name, cmd := range map[string]flag.Override{"another flag": other, "at once": early} {
		if _, err := give(t, e.Ledger, "overrideFlag", cmd, held(p.Preview)); !errors.Is(err, commands.ErrPreviewStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := give(t, e.Ledger, "overrideFlag", say, held(p.Preview)); err != nil {
		t.Fatal(err)
	}
	steps := []flag.Step{{At: soon, Weights: []uint32{50_000}}, {At: soon.Add(time.Hour), Weights: []uint32{100_000}}}
	does(t, e, "setRollout", flag.SetRollout{Node: domain.PlatformID, Flag: "other", Shares: []flag.Share{{Serving: flag.Serving{Value: json.RawMessage("false")}}}, Steps: steps})
	advance := flag.AdvanceRollout{Node: domain.PlatformID, Flag: "other"}
	if p, err = foreseen(t, e, "advanceRollout", advance, everywhere); err != nil || !p.Targeted {
		t.Fatal(p, err)
	}
	if _, err := give(t, e.Ledger, "advanceRollout", advance, held(p.Preview)); err != nil {
		t.Fatal(err)
	}
	if _, err := give(t, e.Ledger, "advanceRollout", advance, held(p.Preview)); !errors.Is(err, commands.ErrPreviewStale) {
		t.Errorf("a second step on one preview: %v", err)
	}
}

// Whoever did not hear the answer asks again, of whichever process.
func TestAHeldCommandIsRepeated(t *testing.T) {
	log := realLog(t)
	e, other := foresighted(t, log), foresighted(t, log)
	e.define(t, "dark")
	kill := flag.Kill{Flag: "dark"}
	p, err := foreseen(t, e, "killFlag", kill, everywhere)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := foreseen(t, other, "killFlag", kill, everywhere); err != nil { // so that it remembers the flag as it was
		t.Fatal(err)
	}
	r := under("once", "the same")
	r.Preview, r.Scope = p.Preview, everywhere
	first, err := give(t, e.Ledger, "killFlag", kill, r)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := give(t, other.Ledger, "killFlag", kill, r); err != nil || again.Position != first.Position {
		t.Errorf("%+v, %v; first it was %+v", again, err, first)
	}
}

// Of many who were shown the same, one commits: the others would change something else
// by then.
func TestOneOfManyCommitsOnAPreview(t *testing.T) {
	e := foresighted(t, realLog(t))
	nord := e.integrator(t, "Nord")
	var nodes []domain.NodeID
	for _, slug := range []string{"a-1", "a-2", "a-3", "a-4"} {
		nodes = append(nodes, e.tenant(t, slug, nord))
	}
	e.define(t, "dark")
	lock := flag.Lock{Node: domain.NodeID(nord), Flag: "dark"}
	does(t, e, "overrideFlag", flag.Override{Node: domain.NodeID(nord), Flag: "dark", Value: json.RawMessage("true")})
	p, err := foreseen(t, e, "lockFlag", lock, everywhere)
	if err != nil || len(p.Changes) != 0 {
		t.Fatal(p, err)
	}
	var all sync.WaitGroup
	ends := make([]error, len(nodes)+1)
	all.Go(func() { _, ends[len(nodes)] = give(t, e.Ledger, "lockFlag", lock, held(p.Preview)) })
	for i, n := range nodes {
		all.Go(func() {
			_, ends[i] = give(t, e.Ledger, "overrideFlag", flag.Override{Node: n, Flag: "dark", Value: json.RawMessage("false")}, plainly())
		})
	}
	all.Wait()
	locked := ends[len(nodes)] == nil
	if !locked && !errors.Is(ends[len(nodes)], commands.ErrPreviewStale) {
		t.Fatal(ends)
	}
	if locked && slices.Contains(e.values(t, "dark", nodes...), "false") {
		t.Errorf("the lock was to change nothing, and nobody below could: %v, %v", e.values(t, "dark", nodes...), ends)
	}
}

func TestAPreviewShowsWhatIsInScope(t *testing.T) {
	e := foresighted(t, realLog(t))
	nord, sued := e.integrator(t, "Nord"), e.integrator(t, "Sued")
	acme, cash := e.tenant(t, "acme", nord), e.tenant(t, "cash", sued)
	e.define(t, "dark")
	kill := flag.Kill{Flag: "dark"}
	p, err := foreseen(t, e, "killFlag", kill, domain.Scope{Paths: []string{"platform/" + string(nord)}})
	if err != nil || !slices.Equal(changed(p), []domain.NodeID{domain.NodeID(nord), acme}) || slices.Contains(changed(p), cash) || p.Affected.Tenants != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := give(t, e.Ledger, "killFlag", kill, held(p.Preview)); err != nil {
		t.Errorf("a preview is good for whatever it stands for: %v", err)
	}
	if _, err := foreseen(t, e, "killFlag", flag.Kill{Flag: "none"}, everywhere); !errors.Is(err, flag.ErrNotFound) {
		t.Errorf("what would be refused: %v", err)
	}
}

// Whatever changes what flags come to has a preview. What a feature set says changes
// nothing until it is assigned, and marks are for people.
func TestEveryCommandOnFlagsHasAPreview(t *testing.T) {
	names := map[string]bool{"markFlagStalePreview": true, "unmarkFlagStalePreview": true}
	for _, e := range commands.Catalog {
		names[e.Name] = true
	}
	for _, e := range commands.Catalog {
		if strings.HasPrefix(string(e.Needs), "flag:") && !strings.HasSuffix(e.Name, "Preview") && !names[e.Name+"Preview"] && !strings.HasPrefix(strings.SplitN(e.Route, " ", 2)[1], "/v1/feature-sets") {
			t.Errorf("%s has none", e.Name)
		}
	}
}
