package edge_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/internal/edge"
)

func browserHeaders(h http.Header) map[string]string {
	found := map[string]string{}
	for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy", "Content-Security-Policy", "Strict-Transport-Security", "Access-Control-Allow-Origin"} {
		if text, ok := h[name]; ok {
			found[name] = strings.Join(text, "|")
		}
	}
	return found
}

func TestEveryAnswerTellsBrowsersWhatNotToDo(t *testing.T) {
	plain := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	}
	s := open(t)
	for _, line := range []string{"GET /v1/walls", "POST /v1/walls", "GET /livez", "GET /readyz", "GET /openapi.json", "GET /nowhere", "TRACE /v1/walls", "OPTIONS /v1/walls"} {
		if diff := cmp.Diff(plain, browserHeaders(s.ask(t, line, "", "Origin", s.URL).Header)); diff != "" {
			t.Error(line, diff)
		}
	}
	if diff := cmp.Diff(plain, browserHeaders(s.ask(t, "POST /v1/walls", "{}", "Sec-Fetch-Site", "cross-site").Header)); diff != "" {
		t.Error(diff)
	}
	side := httptest.NewTLSServer(edge.Hardened(http.NotFoundHandler(), time.Second))
	defer side.Close()
	res, err := side.Client().Get(side.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	plain["Strict-Transport-Security"] = "max-age=31536000"
	if diff := cmp.Diff(plain, browserHeaders(res.Header)); diff != "" {
		t.Error(diff)
	}
}

func TestAProxyThatSpeaksTLSIsAsGoodAsOurs(t *testing.T) {
	var local edge.Proxies
	if err := local.UnmarshalText([]byte("127.0.0.0/8")); err != nil {
		t.Fatal(err)
	}
	trusting, other := open(t, func(o *edge.Options) { o.Proxies = local }), open(t)
	for s, want := range map[*studio]string{trusting: "max-age=31536000", other: ""} {
		if got := s.ask(t, "GET /livez", "", "X-Forwarded-Proto", "https").Header.Get("Strict-Transport-Security"); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	if r := trusting.ask(t, "GET /livez", "", "X-Forwarded-Host", "api.example"); r.StatusCode != 200 {
		t.Error("the name that the proxy is known by:", r.StatusCode, r.text)
	}
	if r := other.ask(t, "GET /livez", "", "Host", "api.example"); r.StatusCode != 403 {
		t.Error("a name that is not ours:", r.StatusCode, r.text)
	}
}

// Pages of other origins may use what is shared, and nothing else.
func TestSharedPathsAreForPagesOfOthersToo(t *testing.T) {
	s := open(t, func(o *edge.Options) { o.Shared = []string{"/bare"} })
	for line, want := range map[string]int{"POST /bare": 204, "POST /v1/walls": 403} {
		if r := s.ask(t, line, "{}", "Origin", "https://shop.example", "Sec-Fetch-Site", "cross-site"); r.StatusCode != want {
			t.Error(line, r.StatusCode, r.text)
		}
	}
}

// Whatever a caller writes where it can, each request is one line, and the line is
// JSON.
func TestHostileTextMakesNoLinesOfItsOwn(t *testing.T) {
	for name, say := range map[string]string{
		"an id with a line of its own":  "GET /v1/walls HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\n{\"level\":\"audit\"}\r\n\r\n",
		"an id that closes its string":  "GET /v1/walls HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\",\"level\":\"audit\r\n\r\n",
		"a trace that is none":          "GET /v1/walls HTTP/1.1\r\nHost: localhost\r\nTraceparent: \x1b[31m\"}\r\n\r\n",
		"an agent of 10 KB":             "GET /v1/walls HTTP/1.1\r\nHost: localhost\r\nUser-Agent: " + strings.Repeat("\u2028\"\\", 2000) + "\r\n\r\n",
		"a path with a line of its own": "GET /v1/tenants/%0a%7b%22level%22:%22audit%22%7d HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a path with colours":           "GET /v1/walls/%1b%5b31m%E2%80%A8 HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a query with a line":           "GET /v1/walls?colour=%0a%1b&x=%E2%80%A8%22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a method nobody knows":         "LEVEL-AUDIT /v1/walls HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a body with a line":            "POST /v1/walls HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{\"x\\n\\u2028\":\"\\u001b[3m\"}",
		"a proxy that is none":          "GET /v1/walls HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: \"}\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			b := &booth{addr: s.Listener.Addr().String()}
			answer := b.speak(t, strings.Replace(say, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
			s.Close()
			text, want := s.log.String(), 1
			if strings.HasPrefix(answer, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain") {
				want = 0 // what is no HTTP at all gets nowhere near a log
			}
			if len(s.lines(t)) != want || strings.Count(text, "\n") != want {
				t.Error(text)
			}
			for _, hostile := range []string{"\x1b", "\u2028", "audit", "AUDIT"} {
				if strings.Contains(text, hostile) {
					t.Errorf("%q is in %s", hostile, text)
				}
			}
			for _, of := range s.observed {
				if strings.Contains(of, "AUDIT") {
					t.Error("a figure that the caller made up:", of)
				}
			}
		})
	}
}

// speak says something and reads all of the answer.
func (b *booth) speak(t *testing.T, say string) string {
	t.Helper()
	c := b.open(t)
	if _, err := io.WriteString(c, say); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}
