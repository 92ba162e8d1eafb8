package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A passage is an address that leads to a server, wherever that is just now, or
// nowhere.
type passage struct {
	t    testing.TB
	addr string
	mu   sync.Mutex
	door net.Listener
	open map[net.Conn]bool
}

func newPassage(t testing.TB, to string) *passage {
	p := &passage{t: t, addr: "127.0.0.1:0"}
	p.lead(to)
	t.Cleanup(p.shut)
	return p
}

// lead begins to lead to an address.
func (p *passage) lead(to string) {
	p.t.Helper()
	door, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.door, p.addr, p.open = door, door.Addr().String(), map[net.Conn]bool{}
	go func() {
		for near, err := door.Accept(); err == nil; near, err = door.Accept() {
			go p.pass(near, to)
		}
	}()
}

func (p *passage) pass(near net.Conn, to string) {
	defer near.Close()
	far, err := net.Dial("tcp", to)
	if err != nil || !p.keep(near, far) {
		return
	}
	defer far.Close()
	go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
	_, _ = io.Copy(near, far)
}

// keep remembers connections, unless the passage is shut.
func (p *passage) keep(both ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range both {
		if p.open == nil {
			_ = c.Close()
			continue
		}
		p.open[c] = true
	}
	return p.open != nil
}

// shut ends the connections and refuses new ones.
func (p *passage) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.door.Close()
	for c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

// through is a database's URL by way of the passage.
func (p *passage) through(t testing.TB, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = p.addr
	return u.String()
}

func hostOf(t testing.TB, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// An outpost is a server whose log and database are processes of their own, and a
// flag that is on for one tenant, which an API key of that tenant sees.
type outpost struct {
	*process
	admin    string
	logs     *process
	database string // where it is
	way      *passage
	tenant   string
	key      string // secret of the API key
	keyID    string
}

func newOutpost(t testing.TB, database string) *outpost {
	t.Helper()
	dir := t.TempDir()
	kek := filepath.Join(dir, "kek")
	if _, err := newKey(kek); err != nil {
		t.Fatal(err)
	}
	o := &outpost{admin: freePort(t), database: database, way: newPassage(t, hostOf(t, database))}
	o.logs = newProcess(t, filepath.Join(dir, "log"), nil, "log", "serve")
	o.logs.startLog()
	env := []string{"REEVE_LOG_URL=esdb://" + o.logs.log + "?tls=false", "REEVE_KEK_FILE=" + kek, "REEVE_ADMIN_ADDR=" + o.admin,
		"REEVE_DATABASE_URL=" + o.way.through(t, database), "REEVE_READER_DATABASE_URL=" + o.way.through(t, readerOf(t, database)),
		"REEVE_RATE_PRINCIPAL=off", "REEVE_RATE_TENANT=off", "REEVE_RATE_ANONYMOUS=off"}
	o.process = newProcess(t, filepath.Join(dir, "server"), env, "serve")
	o.start()
	o.appoint()
	o.tenant = o.must("POST", "/v1/tenants", `{"name":"North","slug":"north","kind":"organisation","contacts":[{"name":"N","email":"n@north.example","role":"admin"}]}`).receipt.ID
	o.must("PUT", "/v1/tenants/"+o.tenant+"/quotas/users", `{"limit":10}`)
	o.must("POST", "/v1/tenants/"+o.tenant+"/activate", "")
	o.must("POST", "/v1/flags", `{"key":"probe-flag","type":"boolean","default":false}`)
	o.must("POST", "/v1/flags/probe-flag/activate", "")
	o.override(true)
	key := o.must("POST", "/v1/nodes/"+o.tenant+"/api-keys", `{"name":"app","permissions":["flag:evaluate"]}`)
	o.key, o.keyID = key.receipt.Secret, key.receipt.ID
	return o
}

func (o *outpost) must(method, path, body string) answer {
	o.t.Helper()
	a := o.send(context.Background(), method, path, "", body)
	if a.code < 200 || a.code >= 300 {
		o.t.Fatalf("%s %s: %d %s", method, path, a.code, a.body)
	}
	return a
}

func (o *outpost) override(value bool) {
	o.t.Helper()
	o.must("PUT", "/v1/nodes/"+o.tenant+"/flags/probe-flag", fmt.Sprintf(`{"value":%t}`, value))
}

// An evaluation is how a flag was answered. Code 0 means that it was not.
type evaluation struct {
	code  int
	value string
	age   int // seconds; 0 if it does not say
	retry string
	at    string // position
}

func (o *outpost) evaluate() (e evaluation) {
	r, err := http.NewRequest("POST", "http://"+o.http+"/ofrep/v1/evaluate/flags/probe-flag", strings.NewReader("{}"))
	if err != nil {
		return e
	}
	r.Header.Set("X-API-Key", o.key)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return e
	}
	defer res.Body.Close()
	var body struct{ Value json.RawMessage }
	if json.NewDecoder(res.Body).Decode(&body) != nil {
		return e
	}
	e.age, _ = strconv.Atoi(res.Header.Get("Age"))
	e.code, e.value = res.StatusCode, string(body.Value)
	e.retry, e.at = res.Header.Get("Retry-After"), res.Header.Get("Reeve-Position")
	return e
}

// watched asks the admin address.
func (o *outpost) watched(path string) (code int, body string) {
	res, err := http.Get("http://" + o.admin + path)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

// unready reports whether the operator is told that something does not answer.
func (o *outpost) unready(names ...string) bool {
	code, body := o.watched("/readyz")
	for _, n := range names {
		if !strings.Contains(body, `{"name":"`+n+`","ok":false,"detail":"does not answer"}`) {
			return false
		}
	}
	return code == http.StatusServiceUnavailable
}

func (o *outpost) ready() bool { code, _ := o.watched("/readyz"); return code == http.StatusOK }

// comes waits until something is so.
func (o *outpost) comes(what string, so func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !so(); {
		if time.Now().After(deadline) {
			_, ready := o.watched("/readyz")
			o.t.Fatalf("not within a minute: %s\n%s\n%+v\n%s", what, ready, o.evaluate(), o.said)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// A load evaluates without a pause, and counts what was answered and what was not.
type load struct {
	stop     context.CancelFunc
	hands    sync.WaitGroup
	answered atomic.Int64
	failed   atomic.Int64
	wrong    atomic.Pointer[evaluation] // the first of these
}

func (o *outpost) load(hands int) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{stop: cancel}
	for range hands {
		l.hands.Go(func() {
			for ctx.Err() == nil {
				if e := o.evaluate(); e.code != http.StatusOK || e.value != "true" {
					l.wrong.CompareAndSwap(nil, &e)
					l.failed.Add(1)
				}
				l.answered.Add(1)
			}
		})
	}
	return l
}
