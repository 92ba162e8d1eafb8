package testkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// rest sends a request as it is written.
func (c *conversation) rest(s speech) answer {
	c.Helper()
	headers, more := split(s.below)
	method, rest, _ := strings.Cut(joined(s.line, more), " ")
	path, body, _ := strings.Cut(rest, " ")
	return c.send(method, c.filled(path), c.filled(body), headers)
}

func (c *conversation) send(method, path, body string, headers [][2]string) answer {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), method, c.server.URL+path, strings.NewReader(body))
	if err != nil {
		c.Fatalf("%s: %v", c.at, err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.server.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.server.Token)
	}
	for _, h := range headers {
		r.Header.Set(h[0], c.filled(h[1]))
		if h[1] == "none" {
			r.Header.Del(h[0])
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatalf("%s: %v", c.at, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		c.Fatalf("%s: %v", c.at, err)
	}
	a := answer{outcome: strconv.Itoa(res.StatusCode), header: res.Header, body: got, refused: res.StatusCode >= 400}
	if res.Header.Get("Content-Type") == "application/problem+json" {
		a.code = codeOf(got)
	}
	return a
}

func codeOf(problem []byte) string {
	var p struct{ Code string }
	_ = json.Unmarshal(problem, &p)
	return p.Code
}

// graphQL sends a document; its first error is the answer, if there is one.
func (c *conversation) graphQL(document string, below []string) answer {
	c.Helper()
	headers, more := split(below)
	body, _ := json.Marshal(map[string]string{"query": c.filled(joined(document, more))})
	a := c.send("POST", "/graphql", string(body), headers)
	var got struct {
		Data   json.RawMessage
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		c.Fatalf("%s: %v", c.at, err)
	}
	a.outcome, a.body = "data", got.Data
	if len(got.Errors) > 0 {
		a.outcome, a.code, a.refused = "fails", got.Errors[0].Extensions.Code, true
	}
	return a
}

// command runs a command line. The first word on the other output is the code of
// the error.
func (c *conversation) command(line string) answer {
	c.Helper()
	args := words(line)
	for i := range args {
		args[i] = c.filled(args[i])
	}
	exit, out, other := c.server.Run(args)
	a := answer{outcome: strconv.Itoa(exit), body: []byte(out), text: out + other, refused: exit != 0}
	if code := erred.FindStringSubmatch(other); exit != 0 && code != nil {
		a.code = code[1]
	}
	return a
}

var (
	erred  = regexp.MustCompile(`(?m)^reeve: ([a-z0-9-]+): `)
	word   = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
	header = regexp.MustCompile(`^([A-Z][A-Za-z-]*): (.*)$`)
	name   = regexp.MustCompile(`\{([a-z][A-Za-z0-9]*)\}`)
)

// words takes a line apart at its blanks, outside quotation marks.
func words(line string) (out []string) {
	for _, w := range word.FindAllString(line, -1) {
		if len(w) > 1 && (w[0] == '\'' || w[0] == '"') {
			w = w[1 : len(w)-1]
		}
		out = append(out, w)
	}
	return out
}

// split tells headers from the rest of what is indented.
func split(below []string) (headers [][2]string, more []string) {
	for _, line := range below {
		if h := header.FindStringSubmatch(line); h != nil {
			headers = append(headers, [2]string{h[1], h[2]})
			continue
		}
		more = append(more, line)
	}
	return headers, more
}

func joined(line string, more []string) string {
	return strings.Join(append([]string{line}, more...), " ")
}

// filled puts in what names in braces stand for; other braces stay.
func (c *conversation) filled(s string) string {
	return name.ReplaceAllStringFunc(s, func(n string) string {
		if value, known := c.known[n[1:len(n)-1]]; known {
			return value
		}
		return n
	})
}

// settling is how long read models may take to have seen everything.
const settling = 10 * time.Second

// settle waits until every read model has seen the log to its end.
func (c *conversation) settle() {
	c.Helper()
	var behind string
	for deadline := time.Now().Add(settling); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if behind = c.behind(); behind == "" {
			return
		}
	}
	c.Fatalf("%s: %s", c.at, behind)
}

func (c *conversation) behind() string {
	c.Helper()
	a := c.send("GET", "/readyz", "", nil)
	var ready struct {
		Projections []struct {
			Name           string
			Position, Head uint64
		}
	}
	if err := json.NewDecoder(bytes.NewReader(a.body)).Decode(&ready); err != nil {
		return err.Error()
	}
	if a.refused {
		return string(a.body)
	}
	for _, p := range ready.Projections {
		if p.Position < p.Head {
			return fmt.Sprintf("%s is at %d of %d", p.Name, p.Position, p.Head)
		}
	}
	return ""
}
