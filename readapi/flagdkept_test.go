package readapi_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/sync/v1/syncv1connect"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/readapi"
)

// synced serves clients of flagd over a source.
func synced(s *readapi.Source, now func() time.Time) http.Handler {
	r := chi.NewRouter()
	edge.REST(r, edge.Options{})
	readapi.MountFlagd(r, s, everything, now)
	return r
}

// given is the document of a tenant, and why flags are not in it.
func given(h http.Handler, tenant string) (all string) {
	for _, call := range []string{"FetchAllFlags", "GetMetadata"} {
		r := httptest.NewRequest("POST", readapi.FlagdSyncPath+call, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Flagd-Selector", tenant)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		all += fmt.Sprintln(w.Code, w.Body)
	}
	return all
}

// Whatever happens and whenever it is asked for, a document that is kept is the one that
// would be made.
func TestADocumentThatIsKeptIsTheDocumentStill(t *testing.T) {
	w := painted(t)
	at, from, until := noon.Add(time.Hour), noon, noon
	now := func() time.Time { return at }
	keeps := synced(w.source, now)
	seen := map[string]bool{}
	for round := 0; round < 60 || len(seen) < 10; round++ { // a place that is closed for long has few
		switch rand.IntN(4) {
		case 0:
			from = noon.Add(time.Duration(rand.IntN(90)) * time.Minute)
			until = from.Add(time.Duration(1+rand.IntN(60)) * time.Minute)
			w.override(domain.NodeID(south), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(fmt.Sprintf(`"%d"`, rand.IntN(100))), ValidFrom: &from, ValidUntil: &until})
		case 1:
			w.override(ada, domain.UserLevel, domain.NodeID(north), []flag.Key{"colour", "plain"}[rand.IntN(2)], flag.Setting{Value: raw(`"ada"`)})
		default:
			w.change()
		}
		for _, at = range []time.Time{from.Add(-1), from, until, from.Add(-1)} {
			for _, tenant := range []string{"north", "south"} {
				fresh := given(synced(w.source, now), tenant)
				if kept := given(keeps, tenant); kept != fresh {
					t.Fatalf("%s as of %v, kept:\n%s\nnew:\n%s", tenant, at, kept, fresh)
				}
				seen[fresh] = true
			}
		}
	}
}

// Many who follow one place have one document, which is made once for each party of them
// at most, and not again while nothing happens there.
func TestADocumentIsMadeOnceForAll(t *testing.T) {
	w := painted(t)
	s, now := readapi.NewShelf(), noon.Add(time.Hour)
	var mu sync.Mutex
	entered, inside := 0, 0
	enter := func() (func(), error) {
		mu.Lock()
		defer mu.Unlock()
		entered, inside = entered+1, inside+1
		return func() {
			mu.Lock()
			defer mu.Unlock()
			inside--
		}, nil
	}
	follow := func() (work int) {
		t.Helper()
		entered = 0
		v, err := w.source.Flags.Look(flag.Question{Node: domain.NodeID(south), At: now})
		if err != nil {
			t.Fatal(err)
		}
		texts := make([]string, 60)
		var all sync.WaitGroup
		for i := range texts {
			all.Go(func() { texts[i], _ = s.Shared(&v, now, []string{"one", "other"}[i%2], enter) })
		}
		all.Wait()
		for _, text := range texts {
			if text == "" || text != texts[0] {
				t.Errorf("one has %q, another %q", texts[0], text)
			}
		}
		return entered
	}
	if n := follow(); n < 1 || n > 2 || inside != 0 {
		t.Errorf("made in %d rooms, %d of which are not left", n, inside)
	}
	w.override(domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(`"another"`)})
	if n := follow(); n != 0 {
		t.Errorf("after something elsewhere made in %d rooms", n)
	}
	w.override(domain.NodeID(south), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(`"another"`)})
	if n := follow(); n < 1 || n > 2 {
		t.Errorf("after something there made in %d rooms", n)
	}
	v, err := w.source.Flags.Look(flag.Question{Node: domain.NodeID(north), At: now})
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	if text, err := s.Shared(&v, now, "one", func() (func(), error) { return nil, full }); !errors.Is(err, full) || text != "" {
		t.Errorf("without room: %q %v", text, err)
	}
	if text, err := s.Shared(&v, now, "one", enter); err != nil || text == "" {
		t.Errorf("with room again: %q %v", text, err)
	}
}

// Who follows a place takes room for the work as everybody does: where there is none, the
// stream ends, and whoever comes again has the newest document.
func TestADocumentIsMadeInARoom(t *testing.T) {
	w := painted(t)
	w.tell(domain.UserStream(anna), annaInvited, user.Activated{User: anna})
	w.tell(domain.AccessStream(domain.NodeID(north)), access.RoleGranted{Node: domain.NodeID(north), User: anna, Terms: access.Terms{Ref: access.Ref{Role: access.Evaluator}}})
	moved := make(chan struct{})
	w.source.Streams = readapi.NewStreams([]byte("key"), 10, func() <-chan struct{} { return moved }, nil, nil)
	held, free := make(chan struct{}), make(chan struct{})
	r := chi.NewRouter()
	edge.REST(r, edge.Options{Guard: lodge{}, Limits: edge.Limits{Running: 1, Patience: 100 * time.Millisecond}})
	readapi.MountFlagd(r, w.source, edge.ScopeOf(domain.FlagEvaluate), func() time.Time { return noon.Add(time.Hour) })
	r.Get("/busy", func(_ http.ResponseWriter, r *http.Request) {
		_, err := edge.CallerOf(r)
		leave, full := edge.Enter(r.Context())
		close(held)
		if err == nil && full == nil {
			<-free
			leave()
		}
	})
	server := httptest.NewServer(r)
	defer server.Close()
	client := syncv1connect.NewFlagSyncServiceClient(server.Client(), server.URL)
	follow := func() *connect.ServerStreamForClient[syncv1.SyncFlagsResponse] {
		t.Helper()
		q := connect.NewRequest(&syncv1.SyncFlagsRequest{})
		q.Header().Set("Flagd-Selector", "north")
		q.Header().Set("Authorization", string(anna)+" "+string(north))
		s, err := client.SyncFlags(t.Context(), q)
		if err != nil || !s.Receive() {
			t.Fatalf("no document: %v %v", err, s.Err())
		}
		return s
	}
	s := follow()
	defer s.Close()
	var all sync.WaitGroup
	all.Go(func() {
		q, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/busy", http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		q.Header.Set("Authorization", "bob "+string(south))
		if res, err := server.Client().Do(q); err != nil || res.Body.Close() != nil {
			t.Error(err)
		}
	})
	<-held
	w.override(domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme), "plain", flag.Setting{Value: raw(`"newest"`)})
	close(moved)
	if s.Receive() || connect.CodeOf(s.Err()) != connect.CodeUnavailable {
		t.Errorf("where there is no room: %v %v", s.Msg(), s.Err())
	}
	close(free)
	all.Wait()
	again := follow()
	defer again.Close()
	if text := again.Msg().GetFlagConfiguration(); !strings.Contains(text, "newest") {
		t.Error(text)
	}
}

// What is kept has a bound.
func TestKeptDocumentsHaveABound(t *testing.T) {
	for _, bytes := range []int{100, 40_000, readapi.KeptBytes / 3} {
		if size := readapi.FillShelf(20_000_000/bytes+3, bytes); size > readapi.KeptBytes || size == 0 {
			t.Errorf("%d bytes are kept, of at most %d", size, readapi.KeptBytes)
		}
	}
}

// Hundreds who follow a place with thousands of users look through these once when
// something happens, and not each of them.
func TestWhoFollowAPlaceLookThroughItsUsersOnce(t *testing.T) {
	w := painted(t)
	w.source.Streams = readapi.NewStreams(nil, 10, nil, nil, nil)
	look, forget := readapi.Looking(w.source, domain.NodeID(north), func() time.Time { return noon })
	says := func() {
		e := flag.Overridden{Node: domain.NodeID(uuid.NewString()), Level: domain.UserLevel, Parent: domain.NodeID(north), Flag: "plain", Setting: flag.Setting{Value: raw(`"own"`)}}
		if err := w.source.Flags.Apply(domain.Recorded{Stream: domain.StreamID("nodeflags-" + e.Node), Position: w.source.Flags.Position() + 1, Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	before := look()
	says()
	after := look()
	if again := look(); after == before || again != after {
		t.Errorf("version %d, %d once a user says something, %d when that is looked at again", before, after, again)
	}
	forget()
	if look() == after {
		t.Error("the users are looked through again although nothing has happened")
	}
	says()
	if look() == after {
		t.Error("they are not looked through although something has")
	}
}
