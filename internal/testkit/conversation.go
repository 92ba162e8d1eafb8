package testkit

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A Server is whom a conversation is held with.
type Server struct {
	URL   string                                            // where it listens
	Token string                                            // whose requests are, where none says otherwise
	Run   func(args []string) (exit int, out, other string) // a command line, the program's name left out
	Facts func(t testing.TB) int                            // how many are in the log
}

// Converse says to a server what a file holds and compares its answers. The file
// is a list of things said, each followed by what must come of it:
//
//	# A remark.
//	POST /v1/tenants {"slug":"acme","name":"Acme","kind":"organisation"}
//	  Idempotency-Key: first
//	201 {"id":"{tenant}","revision":0}
//	  ETag: "0"
//	POST /v1/tenants/{tenant}/suspend {"cause":"billing"}
//	409 invalid-transition
//	graphql query { tenant(tenant: "{tenant}") { name } }
//	data {"tenant":{"name":"Acme"}}
//	graphql mutation { activateTenant(input: { tenant: "{tenant}" }) { revision } }
//	fails contact-required
//	file estate.yaml
//	  kind: Nonsense
//	$ reeve apply -f {dir}/estate.yaml
//	exit 65 invalid-estate
//	  estate.yaml:1: kind
//
// A header of the value none is not sent, such as Authorization, with which every
// request comes otherwise.
//
// What is indented belongs to the line above: headers that are sent or expected,
// the content of a file, texts that a command line prints, or more of the line.
// Of JSON only the members that are named must be there; "*" is any value and
// null is none. A name in braces stands for what was found in its place first.
//
// What is asked is asked of read models that have seen everything before, and
// whatever is refused must have left no fact in the log.
func Converse(t testing.TB, s Server, file string, known map[string]string) {
	t.Helper()
	dir := t.TempDir()
	c := &conversation{TB: t, server: s, dir: dir, known: map[string]string{"dir": dir}}
	for name, value := range known {
		c.known[name] = value
	}
	for _, x := range readConversation(t, file) {
		c.at = x.at
		c.hold(x)
	}
}

// A conversation is where one is in a file, and what names stand for by now.
type conversation struct {
	testing.TB
	server Server
	dir    string
	known  map[string]string
	at     string
}

// An exchange is something said and what must come of it.
type exchange struct {
	at            string // file and line
	said, awaited speech
}

// A speech is a line and what is indented below it.
type speech struct {
	line  string
	below []string
}

// An answer is what came of something said.
type answer struct {
	outcome string // status, "data", "fails" or exit code
	code    string // of the error, if it is one
	header  http.Header
	body    []byte
	text    string // everything a command line printed
	refused bool
}

func (c *conversation) hold(x exchange) {
	c.Helper()
	if name, ok := strings.CutPrefix(x.said.line, "file "); ok {
		c.write(name, x.said.below)
		return
	}
	c.settle()
	before := c.server.Facts(c)
	got := c.say(x.said)
	c.compare(awaitedOf(x.awaited), got)
	if after := c.server.Facts(c); got.refused && after != before {
		c.Fatalf("%s: refused, but the log went from %d facts to %d", c.at, before, after)
	}
}

func (c *conversation) say(s speech) answer {
	c.Helper()
	if line, ok := strings.CutPrefix(s.line, "$ reeve "); ok {
		return c.command(joined(line, s.below))
	}
	if document, ok := strings.CutPrefix(s.line, "graphql "); ok {
		return c.graphQL(document, s.below)
	}
	return c.rest(s)
}

func (c *conversation) write(name string, lines []string) {
	c.Helper()
	text := c.filled(strings.Join(lines, "\n")) + "\n"
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
}

func readConversation(t testing.TB, file string) (all []exchange) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	r := reader{file: filepath.Base(file)}
	for lines.Scan() {
		if err := r.take(lines.Text()); err != "" {
			t.Fatalf("%s:%d: %s", r.file, r.line, err)
		}
	}
	if r.open() {
		t.Fatalf("%s: nobody says what comes of it", r.all[len(r.all)-1].at)
	}
	return r.all
}

// said is how a line begins that is not an answer.
var said = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|graphql|file|\$ reeve) `)

// A reader takes a file apart, line by line.
type reader struct {
	file string
	line int
	all  []exchange
	last *speech
}

func (r *reader) place() string { return r.file + ":" + strconv.Itoa(r.line) }

func (r *reader) take(line string) (wrong string) {
	r.line++
	trimmed := strings.TrimPrefix(line, "  ")
	switch {
	case trimmed != line && r.last == nil:
		return "belongs to nothing"
	case trimmed != line:
		r.last.below = append(r.last.below, trimmed)
	case line == "" || strings.HasPrefix(line, "#"):
		r.last = nil
	case said.MatchString(line) && r.open():
		return "nobody says what comes of the line before"
	case said.MatchString(line):
		r.all = append(r.all, exchange{at: r.place(), said: speech{line: line}})
		r.last = &r.all[len(r.all)-1].said
	case !r.open():
		return "is not something that can be said"
	default:
		r.last = &r.all[len(r.all)-1].awaited
		r.last.line = line
	}
	return ""
}

// open reports whether the last thing said still waits for its answer.
func (r *reader) open() bool {
	if len(r.all) == 0 {
		return false
	}
	x := r.all[len(r.all)-1]
	return x.awaited.line == "" && !strings.HasPrefix(x.said.line, "file ")
}
