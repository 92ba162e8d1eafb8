package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
)

// secluded is an outpost whose server has stopped, with its log and its database away.
func secluded(t *testing.T) *outpost {
	t.Helper()
	o := newOutpost(t, pgtest.Shared(t))
	if err := o.interrupt(); err != nil {
		t.Fatalf("%v\n%s", err, o.said)
	}
	o.logs.kill()
	o.way.shut()
	return o
}

// rise starts the server and waits until it listens, with more in its environment.
func (o *outpost) rise(more ...string) {
	o.t.Helper()
	path, err := binary()
	if err != nil {
		o.t.Fatal(err)
	}
	o.env = append(o.env[:len(o.env):len(o.env)], more...)
	o.launch(path)
	o.comes("it listens", func() bool { code, _ := o.watched("/livez"); return code == http.StatusOK })
}

// ends waits for the end of the server, and returns its exit code.
func (o *outpost) ends() int {
	o.t.Helper()
	select {
	case <-o.gone:
	case <-time.After(60 * time.Second):
		o.t.Fatalf("it goes on\n%s", o.said)
	}
	code := o.cmd.ProcessState.ExitCode()
	o.cmd = nil
	return code
}

// refused is asked for by the administrator and answered 503, by the code.
func (o *outpost) refused(code, method, path, body string) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, "http://"+o.http+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+o.token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	text := make([]byte, 4<<10)
	n, _ := res.Body.Read(text)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !strings.Contains(string(text[:n]), code) {
		o.t.Errorf("%s %s: %d, retry after %q, %s", method, path, res.StatusCode, res.Header.Get("Retry-After"), text[:n])
	}
}

// A server that is started while its log and its database are away lets in whom it
// knew, answers flags and says how old they are, and does the rest as soon as both are
// back, whichever is first.
func TestAServerStartsAlone(t *testing.T) {
	o := secluded(t)
	o.rise()
	o.comes("flags are old", func() bool { return o.evaluate().age >= 3 })
	if e := o.evaluate(); e.code != http.StatusOK || e.value != "true" {
		t.Errorf("%+v", e)
	}
	o.mint() // by the directory and the signing keys that it has
	o.refused(errAlone.Code, "GET", "/v1/tenants", "")
	o.refused(errAlone.Code, "POST", "/v1/flags", `{"key":"early","type":"boolean","default":false}`)
	o.refused(errAlone.Code, "POST", "/v1/bootstrap", `{"token":"","client":"","secret":"","name":""}`)
	if a := o.send(t.Context(), "POST", "/graphql", "", `{"query":"{ tenants { items { id } } }"}`); !strings.Contains(string(a.body), errAlone.Code) {
		t.Errorf("GraphQL: %s", a.body)
	}
	if _, body := o.watched("/readyz"); !o.unready("log", "database") || !strings.Contains(body, errAlone.Detail) || !strings.Contains(body, `"flagsAgeSeconds":`) {
		t.Error(body)
	}

	o.logs.startLog()
	o.comes("flags are of now", func() bool { return o.evaluate().age == 0 })
	o.refused(errAlone.Code, "POST", "/v1/flags", `{"key":"early","type":"boolean","default":false}`)
	o.way.lead(hostOf(t, o.database))
	o.comes("ready", o.ready)
	o.override(false)
	o.comes("the new value", func() bool { return o.evaluate().value == "false" })
	if _, err := os.Stat(bootstrapFile(filepath.Dir(o.credentials()))); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a server with an administrator offers to make one:", err)
	}
}

// credentials is where those of the administrator are, beside what the server keeps.
func (o *outpost) credentials() (path string) {
	for _, e := range o.env {
		if p, ok := strings.CutPrefix(e, "REEVE_CREDENTIALS="); ok {
			path = p
		}
	}
	return path
}

// Whoever lost its rights while the server was down is not let in for a moment where
// the log can be reached, even if the database cannot.
func TestAServerWithoutItsDatabaseCatchesUpFirst(t *testing.T) {
	o := secluded(t)
	o.logs.startLog()
	o.revoke()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	o.launch(path)
	var first evaluation
	o.comes("an answer", func() bool { first = o.evaluate(); return first.code != 0 })
	if first.code != http.StatusUnauthorized {
		t.Errorf("the first answer is %+v", first)
	}
	o.comes("the database is missed", func() bool { return o.unready("database") })
}

// revoke ends the API key as another server on the log would, behind much else.
func (o *outpost) revoke() {
	o.t.Helper()
	store, err := eventstore.Open("esdb://"+o.logs.log+"?tls=false", events.Registry, eventstore.Options{})
	if err != nil {
		o.t.Fatal(err)
	}
	defer store.Close()
	id := domain.APIKeyID(o.keyID)
	for n := range 41 {
		stream, facts, revoked := domain.StreamID("elsewhere"), make([]domain.Proposed, 1000), apikey.Revoked{Key: domain.APIKeyID(uuid.NewString())}
		if n == 40 {
			stream, facts, revoked = apikey.Stream(id), facts[:1], apikey.Revoked{Key: id, Node: domain.NodeID(o.tenant)}
		}
		for i := range facts {
			facts[i] = domain.Proposed{ID: uuid.New(), Event: revoked}
		}
		if _, err := store.Append(o.t.Context(), stream, domain.AtEnd, domain.Meta{At: time.Now()}, facts); err != nil {
			o.t.Fatal(err)
		}
	}
}

// What is too old is not answered from: nobody's rights last for ever because the log
// is away. When it is back, it is enough to have seen it.
func TestAServerIsNotAloneForEver(t *testing.T) {
	o := secluded(t)
	o.rise("REEVE_ALONE_FOR=10ms")
	o.comes("flags are refused", func() bool { return o.evaluate().code == http.StatusServiceUnavailable })
	if e := o.evaluate(); e.retry == "" {
		t.Errorf("%+v does not say when to ask again", e)
	}
	o.refused("access-outdated", "GET", "/v1/tenants", "")
	who, err := verbs.ReadCredentials(o.credentials())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verbs.NewClient("http://" + o.http).SignIn(who).Token(t.Context()); !strings.Contains(fmt.Sprint(err), "temporarily_unavailable") {
		t.Error("asking for a token ended with", err)
	}
	if _, body := o.watched("/readyz"); !strings.Contains(body, "too old") {
		t.Error(body)
	}
	o.kill()
	o.rise("REEVE_ALONE_FOR=1h")
	if e := o.evaluate(); e.code != http.StatusOK {
		t.Errorf("%+v", e)
	}
}

// What waiting does not help ends a server that is alone as it would have ended one
// that starts with everything there; and without a replica none starts alone.
func TestWhatWaitingDoesNotHelp(t *testing.T) {
	t.Run("a login that reads can do more", func(t *testing.T) {
		o := secluded(t)
		o.rise("REEVE_READER_DATABASE_URL=" + o.way.through(t, o.database))
		o.logs.startLog()
		o.way.lead(hostOf(t, o.database))
		if code := o.ends(); code != exitUsage || !strings.Contains(o.said.String(), "REEVE_READER_DATABASE_URL") {
			t.Errorf("exit %d\n%s", code, o.said)
		}
	})
	t.Run("another log", func(t *testing.T) {
		o := secluded(t)
		o.rise()
		other := newProcess(t, t.TempDir(), nil, "log", "serve")
		other.env = append(other.env, "REEVE_LOG_ADDR="+o.logs.log)
		other.log = o.logs.log
		other.startLog()
		if code := o.ends(); code == 0 || !strings.Contains(o.said.String(), "made of another log") {
			t.Errorf("exit %d\n%s", code, o.said)
		}
	})
	t.Run("another key", func(t *testing.T) {
		o := secluded(t)
		kek := filepath.Join(t.TempDir(), "kek")
		if _, err := newKey(kek); err != nil {
			t.Fatal(err)
		}
		o.env = append(o.env, "REEVE_KEK_FILE="+kek)
		path, err := binary()
		if err != nil {
			t.Fatal(err)
		}
		o.launch(path)
		if code := o.ends(); code != 69 || !strings.Contains(o.said.String(), "connect") {
			t.Errorf("exit %d\n%s", code, o.said)
		}
	})
}

// A log and a database that take connections and never answer are away, too.
func TestAServerStartsAloneBesideWhatIsSilent(t *testing.T) {
	o := secluded(t)
	for _, addr := range []string{o.logs.log, o.way.addr} {
		silent, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = silent.Close() })
	}
	o.rise()
	if e := o.evaluate(); e.code != http.StatusOK || e.value != "true" {
		t.Errorf("%+v", e)
	}
	o.comes("flags are old", func() bool { return o.evaluate().age >= 3 })
	o.refused(errAlone.Code, "GET", "/v1/tenants", "")
	if err := o.interrupt(); err != nil {
		t.Errorf("it ended with %v\n%s", err, o.said)
	}
}
