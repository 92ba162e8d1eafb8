package readapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/readapi"
)

// stale tells what speaks for taking which flag away, and what comes next.
func stale(w *world, q readapi.FlagsBy) map[string]string {
	all := map[string]string{}
	for _, f := range ask(w, q).Items {
		all[string(f.Key)] = strings.Join(append(f.Stale, f.Next), " ")
	}
	return all
}

func TestWhatSpeaksForTakingAFlagAway(t *testing.T) {
	w := painted(t)
	long, day := noon.Add(-90*24*time.Hour), 24*time.Hour
	define := func(k flag.Key, expires string, more ...domain.Event) {
		d := flag.Definition{Type: flag.Boolean, Default: raw("false"), Off: raw("false"), Mode: "replace", Expires: expires}
		w.tell(flag.Stream(k), append([]domain.Event{flag.Defined{Flag: k, Definition: d}}, more...)...)
	}
	define("kept", "2999-01-01", flag.Activated{Flag: "kept"})
	define("expired", "2020-01-01", flag.Activated{Flag: "expired"})
	define("gone", "2020-01-01", flag.Archived{Flag: "gone"})
	define("sketch", "2020-01-01")
	define("marked", "", flag.Activated{Flag: "marked"}, flag.Deprecated{Flag: "marked"}, flag.MarkedStale{Flag: "marked"})
	want := map[string]string{"expired": "expired deprecate", "sketch": "expired archive", "marked": "marked archive"}
	if diff := cmp.Diff(want, stale(w, readapi.FlagsBy{Stale: true})); diff != "" {
		t.Error("while nothing is known of usage:", diff)
	}
	use := func(node domain.NodeID, k flag.Key, first, last time.Time) {
		w.tell(flag.UsageStream(node), flag.Evaluated{Node: node, Flag: k, Count: 2, First: first, Last: last})
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	use(domain.NodeID(north), "colour", long, now.Add(-2*day))
	use(domain.NodeID(south), "kept", long, now.Add(-40*day))
	for k, old := range map[flag.Key]bool{"plain": now.Sub(noon) > 31*day, "kept": now.Sub(noon) > 31*day, "colour": false} {
		got := slices.Contains(ask(w, readapi.FlagByKey{Flag: k}).Stale, "unused")
		if got != old { // the facts of this world are of noon, so what is unused depends on when that is
			t.Errorf("%s unused: %t", k, got)
		}
	}
	if f := ask(w, readapi.FlagByKey{Flag: "colour"}); f.LastEvaluatedAt == nil || !f.LastEvaluatedAt.Equal(now.Add(-2*day)) || f.LastListedAt != nil || f.Overrides != nil {
		t.Errorf("%+v", f)
	}
	use(domain.NodeID(north), "", now, now)
	if f := ask(w, readapi.FlagByKey{Flag: "plain"}); slices.Contains(f.Stale, "unused") || f.LastListedAt == nil || f.LastEvaluatedAt != nil {
		t.Errorf("all flags are evaluated at once: %+v", f)
	}
	list := ask(w, readapi.FlagsBy{Stale: true, Page: readapi.Page{Limit: 1}, Sort: "-key"})
	if len(list.Items) != 1 || list.Items[0].Key != "sketch" || *list.Items[0].Overrides != 0 || list.Next == "" {
		t.Errorf("%+v", list)
	}
	w.override(domain.PlatformID, domain.PlatformLevel, "", "expired", flag.Setting{Value: raw("true")})
	w.tell(flag.Stream("marked"), flag.UnmarkedStale{Flag: "marked"})
	for _, f := range ask(w, readapi.FlagsBy{Stale: true}).Items {
		if f.Key == "marked" || f.Key == "expired" && *f.Overrides != 1 {
			t.Errorf("%+v", f)
		}
	}
}

func TestWhatIsRecordedOfEvaluations(t *testing.T) {
	w := painted(t)
	for hour, k := range []flag.Key{"colour", "", "plain"} {
		at := noon.Add(time.Duration(hour) * time.Hour)
		w.tell(flag.UsageStream(domain.NodeID(north)), flag.Evaluated{Node: domain.NodeID(north), Flag: k, Count: 2, First: noon, Last: at})
	}
	ask(w, readapi.FlagByKey{Flag: "colour"}) // by now the tables know of them
	used, err := w.source.UsedSince(t.Context(), noon)
	for i := range used {
		used[i].At = used[i].At.UTC()
	}
	want := []readapi.Used{{Node: domain.NodeID(north), Flag: "plain", At: noon.Add(2 * time.Hour)}, {Node: domain.NodeID(north), At: noon.Add(time.Hour)}}
	if err != nil || !cmp.Equal(used, want) {
		t.Errorf("%v %v, want %v", used, err, want)
	}
}

func TestWhereAFlagIsEvaluated(t *testing.T) {
	w := painted(t)
	for i, u := range []flag.Evaluated{{Node: domain.NodeID(north), Flag: "colour"}, {Node: domain.NodeID(south), Flag: "colour"}, {Node: domain.NodeID(bolt)}, {Node: domain.PlatformID, Flag: "plain"}} {
		u.Count, u.First, u.Last = 1, noon, noon.Add(time.Duration(i)*time.Hour)
		w.tell(flag.UsageStream(u.Node), u)
	}
	nodes := func(s domain.Scope) (all []domain.NodeID) {
		w.scope = s
		for _, u := range ask(w, readapi.FlagUsageOf{Flag: "colour"}).Items {
			all = append(all, u.Node)
		}
		return all
	}
	if diff := cmp.Diff([]domain.NodeID{domain.NodeID(bolt), domain.NodeID(south), domain.NodeID(north)}, nodes(everywhere)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]domain.NodeID{domain.NodeID(north)}, nodes(northScope)); diff != "" {
		t.Error("what others do is their business:", diff)
	}
	if f := ask(w, readapi.FlagByKey{Flag: "colour"}); !f.LastEvaluatedAt.Equal(noon) || f.LastListedAt != nil {
		t.Errorf("to a tenant: %+v", f)
	}
	w.scope = everywhere
	refuses(w, readapi.FlagUsageOf{Flag: "nonesuch"}, flag.ErrNotFound)
}

// Uses are recorded at once where they are new, then once in a while, with all that was
// counted between; what could not be recorded is recorded later.
func TestUsesAreRecordedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []flag.Use
		var away error
		u := &readapi.Uses{Every: time.Hour, Logger: slog.New(slog.DiscardHandler), Record: func(_ context.Context, use flag.Use) error {
			mu.Lock()
			defer mu.Unlock()
			if away == nil {
				told = append(told, use)
			}
			return away
		}}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); u.Run(ctx) }()
		took := func() (all []flag.Use) {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			all, told = told, nil
			slices.SortFunc(all, func(a, b flag.Use) int { return strings.Compare(string(a.Node), string(b.Node)) })
			return all
		}
		note := func(node domain.NodeID, n int) {
			for range n {
				u.Note(node, "colour", time.Now())
			}
		}
		fails := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			away = err
		}
		t0 := time.Now().UTC()
		note("a", 3)
		note("b", 1)
		time.Sleep(5 * time.Second)
		if diff := cmp.Diff([]flag.Use{{Node: "a", Flag: "colour", Count: 3, First: t0, Last: t0}, {Node: "b", Flag: "colour", Count: 1, First: t0, Last: t0}}, took()); diff != "" {
			t.Fatal("new:", diff)
		}
		t1 := time.Now().UTC()
		note("a", 2)
		time.Sleep(time.Minute)
		t2 := time.Now().UTC()
		note("a", 5)
		time.Sleep(50 * time.Minute)
		if all := took(); all != nil {
			t.Fatal("within the hour:", all)
		}
		fails(&domain.Error{Kind: domain.Unavailable, Code: "log-unavailable"})
		time.Sleep(time.Hour)
		fails(nil)
		time.Sleep(10 * time.Second)
		if diff := cmp.Diff([]flag.Use{{Node: "a", Flag: "colour", Count: 7, First: t1, Last: t2}}, took()); diff != "" {
			t.Fatal("after the hour, as soon as it could be:", diff)
		}
		note("a", 1)
		stop()
		<-done
		if err := u.Flush(); err != nil || len(took()) != 1 {
			t.Error("at the end", err)
		}
		fails(errors.New("broken"))
		note("a", 1)
		if u.Flush() == nil {
			t.Error("that it failed was not said")
		}
		fails(&domain.Error{Kind: domain.NotFound, Code: "gone"})
		if err := u.Flush(); err != nil {
			t.Error("what is refused is not asked for again:", err)
		}
	})
}

// However many places there are, so many are told apart, and no more.
func TestUsesHaveABound(t *testing.T) {
	records := 0
	u := &readapi.Uses{Every: time.Hour, Logger: slog.New(slog.DiscardHandler), Record: func(context.Context, flag.Use) error { records++; return nil }}
	for n := range 70_000 {
		u.Note(domain.NodeID(time.Duration(n).String()), "", noon)
	}
	if u.Lost() != 70_000-1<<16 {
		t.Error(u.Lost(), "were lost")
	}
	if err := u.Flush(); err != nil || records != 1000 {
		t.Error(records, err)
	}
}

// Of a node that cannot be told apart any more at least the flag is known to be in use.
func TestUsesWithoutRoomAreThePlatforms(t *testing.T) {
	told := map[domain.NodeID]int{}
	u := &readapi.Uses{Every: time.Hour, Logger: slog.New(slog.DiscardHandler), Record: func(_ context.Context, use flag.Use) error {
		if use.Flag == "late" {
			told[use.Node] += use.Count
		}
		return nil
	}}
	for n := range 1 << 16 {
		u.Note(domain.NodeID(time.Duration(n).String()), "early", noon)
	}
	for n := range 3 {
		u.Note(domain.NodeID(time.Duration(n).String()), "late", noon.Add(-time.Minute))
	}
	for range 1<<16/1000 + 1 { // as many as it takes for all of them
		if err := u.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != 1 || told[domain.PlatformID] != 3 || u.Lost() != 3 {
		t.Error(told, u.Lost())
	}
}

// An evaluation by itself and one of all flags are counted apart, also where the answer
// is that nothing has changed; what is not there is not counted.
func TestOFREPCountsWhatItEvaluates(t *testing.T) {
	w := painted(t)
	var told []flag.Use
	u := &readapi.Uses{Every: time.Hour, Logger: slog.New(slog.DiscardHandler), Record: func(_ context.Context, use flag.Use) error { told = append(told, use); return nil }}
	w.source.Uses = u
	h := ofrep(w.source, everything, func() time.Time { return noon })
	post := func(path, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags"+path, strings.NewReader(whom(`"tenantId":%q`, north)))
		r.Header.Set("If-None-Match", tag)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec
	}
	post("/colour", "")
	post("/nonesuch", "")
	if again := post("", post("", "").Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Error(again.Code)
	}
	if err := u.Flush(); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(told, func(a, b flag.Use) int { return strings.Compare(string(a.Flag), string(b.Flag)) })
	want := []flag.Use{{Node: domain.NodeID(north), Count: 2, First: noon, Last: noon}, {Node: domain.NodeID(north), Flag: "colour", Count: 1, First: noon, Last: noon}}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}
