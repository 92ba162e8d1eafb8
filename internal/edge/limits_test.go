package edge_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/edgetest"
)

// Members are known by "Authorization: name tenant", where - is no tenant, and what comes
// before a dot is its integrator. The door counts who was looked at.
type door struct{ asked atomic.Int64 }

type member struct {
	edgetest.Guard
	tenant domain.NodeID
	house  domain.NodeID
}

// Integrator is that of the tenant.
func (m member) Integrator() domain.NodeID { return m.house }

// Tenant is where the member belongs.
func (m member) Tenant() domain.NodeID { return m.tenant }

// Admit knows everybody but wrong ones.
func (d *door) Admit(r *http.Request) (edge.Caller, error) {
	d.asked.Add(1)
	name, tenant, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || name == "wrong" {
		return nil, edge.ErrUnauthenticated
	}
	house, _, of := strings.Cut(tenant, ".")
	if !of {
		house = ""
	}
	return member{edgetest.Guard{As: domain.Actor{ID: name}}, domain.NodeID(strings.TrimPrefix(tenant, "-")), domain.NodeID(house)}, nil
}

// A counter is a studio with limits, whose clock stands still until it is moved.
type counter struct {
	*studio
	door
	now time.Time
}

func limited(t *testing.T, l edge.Limits, change ...func(*edge.Options)) *counter {
	t.Helper()
	c := &counter{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	l.Now = func() time.Time { return c.now }
	c.studio = open(t, append(change, func(o *edge.Options) { o.Guard, o.Limits = &c.door, l })...)
	return c
}

// as asks for the walls and tells what came of it.
func (c *counter) as(t *testing.T, who string, headers ...string) string {
	t.Helper()
	r := c.ask(t, "GET /v1/walls", "", append(headers, "Authorization", who)...)
	return strings.TrimSpace(fmt.Sprint(r.StatusCode, " ", r.Header.Get("Retry-After"), " ", r.Header.Get("RateLimit")))
}

func (c *counter) expect(t *testing.T, steps ...[2]string) {
	t.Helper()
	for i, s := range steps {
		if got := c.as(t, s[0]); got != s[1] {
			t.Fatalf("step %d, %s: %s, not %s", i+1, s[0], got, s[1])
		}
	}
}

func TestAPrincipalIsLimited(t *testing.T) {
	c := limited(t, edge.Limits{Principal: edge.Rate{PerSecond: 0.5, Burst: 2}})
	c.expect(t, [2]string{"ann x", `200  "principal";r=1;t=2`}, [2]string{"ann x", `200  "principal";r=0;t=4`},
		[2]string{"ann x", `429 2 "principal";r=0;t=4`}, [2]string{"bob x", `200  "principal";r=1;t=2`})
	c.now = c.now.Add(2 * time.Second)
	c.expect(t, [2]string{"ann x", `200  "principal";r=0;t=4`}, [2]string{"ann x", `429 2 "principal";r=0;t=4`})
	r := c.ask(t, "GET /v1/walls", "", "Authorization", "ann x")
	if p := r.problem(t); p.Code != "rate-limited" || r.Header.Get("RateLimit-Policy") != `"principal";q=2;w=4` {
		t.Error(p, r.Header)
	}
	if len(c.requests) != 4 {
		t.Error(len(c.requests), "requests were worked on")
	}
}

func TestATenantIsLimited(t *testing.T) {
	c := limited(t, edge.Limits{Principal: edge.Rate{PerSecond: 1, Burst: 9}, Tenant: edge.Rate{PerSecond: 1, Burst: 2}})
	c.expect(t, [2]string{"ann x", `200  "principal";r=8;t=1, "tenant";r=1;t=1`}, [2]string{"bob x", `200  "principal";r=8;t=1, "tenant";r=0;t=2`},
		[2]string{"cyd x", `429 1 "principal";r=9;t=0, "tenant";r=0;t=2`}, // who is refused pays nothing
		[2]string{"dan y", `200  "principal";r=8;t=1, "tenant";r=1;t=1`}, [2]string{"eve -", `200  "principal";r=8;t=1`})
}

// Guessing costs more than asking for what is public. Where somebody has guessed too
// often nobody is served any more, but those who are known.
func TestAStrangerIsLimitedByAddress(t *testing.T) {
	c := limited(t, edge.Limits{Anonymous: edge.Rate{PerSecond: 1, Burst: 12}})
	for _, s := range []struct {
		line, who string
		status    int
		left      string
	}{
		{"GET /openapi.json", "", 200, "12"},
		{"GET /nowhere", "", 404, "11"},
		{"GET /v1/walls", "ann x", 200, ""}, // who is known is no stranger
		{"GET /v1/walls", "wrong x", 401, "10"},
		{"GET /v1/walls", "", 401, "5"},
		{"GET /v1/walls", "wrong x", 429, "0"},
		{"GET /v1/walls", "ann x", 200, ""},
		{"GET /openapi.json", "ann x", 200, ""},
		{"GET /openapi.json", "", 429, "0"},
		{"GET /openapi.json", "wrong x", 429, "0"},
		{"GET /nowhere", "", 429, "0"},
		{"GET /livez", "", 200, ""},
		{"GET /readyz", "", 503, ""},
	} {
		r := c.ask(t, s.line, "", "Authorization", s.who)
		if left := r.Header.Get("RateLimit"); r.StatusCode != s.status || !strings.HasPrefix(left, `"anonymous";r=`+s.left+";") && left+s.left != "" {
			t.Errorf("%s as %q: %d, %s", s.line, s.who, r.StatusCode, left)
		}
	}
	if n := c.asked.Load(); n != 9 {
		t.Error(n, "callers were looked at")
	}
}

func TestOnlyATrustedProxySpeaksForOthers(t *testing.T) {
	for name, c := range map[string]struct {
		proxies string
		status  int
	}{"nobody is trusted": {"", 429}, "another is trusted": {"192.0.2.0/24", 429}, "we are trusted": {"127.0.0.1", 401}} {
		t.Run(name, func(t *testing.T) {
			var proxies edge.Proxies
			if err := proxies.UnmarshalText([]byte(c.proxies)); err != nil {
				t.Fatal(err)
			}
			s := limited(t, edge.Limits{Anonymous: edge.Rate{PerSecond: 1, Burst: 1}}, func(o *edge.Options) { o.Proxies = proxies })
			for i, want := range []int{401, c.status, c.status} {
				r := s.ask(t, "GET /v1/walls", "", "X-Forwarded-For", fmt.Sprint("198.51.100.", i), "X-Real-IP", fmt.Sprint("198.51.100.", i), "Forwarded", fmt.Sprint("for=198.51.100.", i))
				if r.StatusCode != want {
					t.Error(i, r.StatusCode)
				}
			}
		})
	}
}

func TestADialectWordsRefusals(t *testing.T) {
	c := limited(t, edge.Limits{Principal: edge.Rate{PerSecond: 1, Burst: 1}}, func(o *edge.Options) {
		o.Dialects = map[string]edge.Dialect{"/v1/walls": func(w http.ResponseWriter, _ *http.Request, err error) {
			w.WriteHeader(edge.OutcomeOf(err).Status)
			fmt.Fprint(w, "no: ", edge.Told(err).Code)
		}}
	})
	c.expect(t, [2]string{"ann x", `200  "principal";r=0;t=1`})
	if r := c.ask(t, "GET /v1/walls", "", "Authorization", "ann x"); r.StatusCode != 429 || r.text != "no: rate-limited" || r.Header.Get("Retry-After") != "1" {
		t.Error(r.StatusCode, r.text, r.Header)
	}
	if r := c.ask(t, "GET /v1/doors", "", "Authorization", "ann x"); r.problem(t).Code != "route-not-found" {
		t.Error(r.text)
	}
}

// What asks for more than one thing pays for each, and if it cannot for none.
func TestARequestCanCostMore(t *testing.T) {
	c := &counter{now: time.Unix(0, 0)}
	r := chi.NewRouter()
	edge.REST(r, edge.Options{Logger: slog.New(slog.DiscardHandler), Guard: &c.door, Limits: edge.Limits{Principal: edge.Rate{PerSecond: 1, Burst: 10}, Now: func() time.Time { return c.now }}})
	r.Post("/many", func(w http.ResponseWriter, r *http.Request) {
		_, err := edge.CallerOf(r)
		if err == nil {
			err = edge.Charge(r, len(r.Header.Values("Thing"))-1)
		}
		if err != nil {
			edge.Refuse(w, r, err)
		}
	})
	c.studio = &studio{Server: serve(t, r)}
	for i, step := range []struct {
		things int
		want   string
	}{{1, `200 "principal";r=9;t=1`}, {6, `200 "principal";r=3;t=7`}, {6, `429 "principal";r=2;t=8`}, {2, `200 "principal";r=0;t=10`}} {
		headers := []string{"Authorization", "ann x"}
		for range step.things {
			headers = append(headers, "Thing", "x")
		}
		res := c.ask(t, "POST /many", "", headers...)
		if got := fmt.Sprint(res.StatusCode, " ", res.Header.Get("RateLimit")); got != step.want {
			t.Errorf("step %d: %s, not %s", i+1, got, step.want)
		}
	}
	c.now = c.now.Add(time.Hour)
	if res := c.ask(t, "POST /many", "", append([]string{"Authorization", "bob x"}, strings.Split(strings.Repeat("Thing,x,", 50)+"Thing,x", ",")...)...); res.StatusCode != 429 {
		t.Error("more than a bucket holds:", res.StatusCode)
	}
}

// While a tenant has its share of requests under way, the next of it are told to
// come back, and those of others are answered; and so is it with the tenants of one
// integrator.
func TestABusyTenantHoldsUpItselfOnly(t *testing.T) {
	for name, c := range map[string]struct {
		limits edge.Limits
		busy   [2]string
		want   []string
	}{
		"a tenant":      {edge.Limits{Running: 4, Share: 2}, [2]string{"ann x", "ann x"}, []string{"ann x 5031", "bob x 5031", "cyd y 200", "dan - 200"}},
		"an integrator": {edge.Limits{Running: 4, Share: 2, House: 2}, [2]string{"ann h.x", "bob h.y"}, []string{"ann h.x 5031", "bob h.y 5031", "cyd h.z 5031", "dan i.x 200", "eve - 200"}},
	} {
		t.Run(name, func(t *testing.T) {
			enter, leave := make(chan string), make(chan struct{})
			c.limits.Patience = time.Nanosecond
			s := workshop(t, c.limits, func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Has("long") {
					enter <- "in"
					<-leave
				}
			})
			done := make(chan int)
			for _, who := range c.busy {
				go func() { done <- s.ask(t, "GET /work?long", "", "Authorization", who).StatusCode }()
				<-enter
			}
			var got []string
			for _, w := range c.want {
				who := strings.Join(strings.Fields(w)[:2], " ")
				res := s.ask(t, "GET /work", "", "Authorization", who)
				got = append(got, fmt.Sprint(who, " ", res.StatusCode, res.Header.Get("Retry-After")))
				if res.StatusCode == 503 && res.problem(t).Code != "overloaded" {
					t.Error(res.text)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			close(leave)
			if a, b := <-done, <-done; a != 200 || b != 200 {
				t.Error(a, b)
			}
			if res := s.ask(t, "GET /work", "", "Authorization", c.busy[0]); res.StatusCode != 200 {
				t.Error("room is not given back:", res.StatusCode)
			}
		})
	}
}

// workshop serves what is worked on at GET /work.
func workshop(t *testing.T, l edge.Limits, work http.HandlerFunc) *studio {
	r := chi.NewRouter()
	edge.REST(r, edge.Options{Logger: slog.New(slog.DiscardHandler), Guard: new(door), Limits: l})
	r.Get("/work", func(w http.ResponseWriter, r *http.Request) {
		_, err := edge.CallerOf(r)
		if err == nil {
			_, err = edge.Enter(r.Context()) // and is not left, for the edge to see to
		}
		if err != nil {
			edge.Refuse(w, r, err)
			return
		}
		work(w, r)
	})
	return &studio{Server: serve(t, r)}
}

// A panic gives its place back, too.
func TestNobodyStaysInside(t *testing.T) {
	s := workshop(t, edge.Limits{Running: 1, Patience: time.Nanosecond}, func(http.ResponseWriter, *http.Request) { panic(context.Canceled) })
	for range 3 {
		if res := s.ask(t, "GET /work", "", "Authorization", "ann x"); res.StatusCode == 200 || res.problem(t).Code == "overloaded" {
			t.Error(res.StatusCode, res.text)
		}
	}
}

// Bodies that do not come, and answers that nobody takes, are in nobody's way: there
// is room for one, and yet the next is served.
func TestSlowClientsTakeNoRoom(t *testing.T) {
	c := limited(t, edge.Limits{Running: 1, Patience: time.Nanosecond})
	conn, err := net.Dial("tcp", c.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /v1/walls HTTP/1.1\r\nHost: localhost\r\nAuthorization: ann x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.Contains(line, "100 Continue") {
		t.Fatal(line, err) // said when the body is read
	}
	if got := c.as(t, "ann x"); got != "200" {
		t.Error("beside a body that does not come:", got)
	}
	w := &stuck{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	r := httptest.NewRequest("GET", "/v1/walls", nil)
	r.Header.Set("Authorization", "ann x")
	done := make(chan struct{})
	go func() { defer close(done); c.Config.Handler.ServeHTTP(w, r) }()
	<-w.writing
	if got := c.as(t, "ann x"); got != "200" {
		t.Error("beside an answer that nobody takes:", got)
	}
	close(w.taken)
	<-done
}

// A stuck client takes nothing of an answer until it is told to.
type stuck struct {
	*httptest.ResponseRecorder
	writing, taken chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	close(s.writing)
	<-s.taken
	return s.ResponseRecorder.Write(b)
}
