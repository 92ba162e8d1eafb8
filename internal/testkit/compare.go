package testkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An expectation of an answer, taken apart.
type awaited struct {
	outcome, code, body string
	headers             [][2]string
	texts               []string // that a command line prints
}

func awaitedOf(s speech) (a awaited) {
	line, exits := strings.CutPrefix(s.line, "exit ")
	if exits {
		a.texts = s.below
	} else {
		var more []string
		a.headers, more = split(s.below)
		line = joined(line, more)
	}
	a.outcome, a.body, _ = strings.Cut(line, " ")
	if a.body != "" && !strings.ContainsAny(a.body[:1], `{["`) {
		a.code, a.body, _ = strings.Cut(a.body, " ")
	}
	return a
}

// compare holds an answer against what a conversation awaits: an outcome, a code
// if it is an error, and whatever else is named.
func (c *conversation) compare(want awaited, got answer) {
	c.Helper()
	if got.outcome != want.outcome || got.code != want.code {
		c.Fatalf("%s\n got %s %s\nwant %s %s\n%s%s", c.at, got.outcome, got.code, want.outcome, want.code, got.body, got.text)
	}
	c.compareHeaders(want.headers, got)
	c.compareText(want.texts, got)
	if want.body != "" {
		c.compareBody(want.body, got)
	}
}

func (c *conversation) compareHeaders(expected [][2]string, got answer) {
	c.Helper()
	for _, h := range expected {
		if wrong := c.matchText(h[1], got.header.Get(h[0])); wrong != "" {
			c.Fatalf("%s: %s: %s", c.at, h[0], wrong)
		}
	}
}

func (c *conversation) compareText(expected []string, got answer) {
	c.Helper()
	for _, text := range expected {
		if !strings.Contains(got.text, c.filled(text)) {
			c.Fatalf("%s: no %q in\n%s", c.at, c.filled(text), got.text)
		}
	}
}

func (c *conversation) compareBody(expected string, got answer) {
	c.Helper()
	want, err := value([]byte(expected))
	if err != nil {
		c.Fatalf("%s: what is awaited is no JSON: %v", c.at, err)
	}
	have, err := value(got.body)
	if err != nil {
		c.Fatalf("%s: the answer is no JSON: %v\n%s", c.at, err, got.body)
	}
	if wrong := c.match(want, have); wrong != "" {
		c.Fatalf("%s: %s\n%s", c.at, wrong, got.body)
	}
}

func value(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return v, d.Decode(&v)
}

// match says what is wrong with a value, nothing if it is as awaited.
func (c *conversation) match(want, have any) string {
	switch want := want.(type) {
	case string:
		return c.matchText(want, have)
	case map[string]any:
		return c.matchObject(want, have)
	case []any:
		return c.matchList(want, have)
	}
	if want != have {
		return fmt.Sprintf("got %v, want %v", have, want)
	}
	return ""
}

func (c *conversation) matchObject(want map[string]any, have any) string {
	obj, ok := have.(map[string]any)
	if !ok {
		return fmt.Sprintf("got %v, want an object", have)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if wrong := c.match(want[name], obj[name]); wrong != "" {
			return "/" + name + " " + wrong
		}
	}
	return ""
}

func (c *conversation) matchList(want []any, have any) string {
	list, ok := have.([]any)
	if !ok || len(list) != len(want) {
		return fmt.Sprintf("got %v, want %d items", have, len(want))
	}
	for i := range want {
		if wrong := c.match(want[i], list[i]); wrong != "" {
			return fmt.Sprintf("/%d %s", i, wrong)
		}
	}
	return ""
}

// matchText compares a text. A name in braces that stands for nothing yet stands
// for what is found here from now on.
func (c *conversation) matchText(want string, have any) string {
	n := name.FindString(want)
	_, known := c.known[strings.Trim(n, "{}")]
	switch {
	case have == nil || have == "":
		if want == "" && have == "" {
			return ""
		}
		return fmt.Sprintf("got nothing, want %q", c.filled(want))
	case want == "*":
		return ""
	case n == want && n != "" && !known:
		c.known[strings.Trim(n, "{}")] = fmt.Sprint(have)
		return ""
	case fmt.Sprint(have) != c.filled(want):
		return fmt.Sprintf("got %q, want %q", fmt.Sprint(have), c.filled(want))
	}
	return ""
}
