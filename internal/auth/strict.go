package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// errUntidy is the cause of every refusal below. It is for our own logs.
var errUntidy = errors.New("not a token that anybody here would write")

const (
	// maxToken is more than any sensible token has, in bytes.
	maxToken = 8 << 10
	// maxDepth is how far the JSON of a token may be nested.
	maxDepth = 8
)

// A written token is what a token says before anybody has verified it.
type written struct {
	text   string
	header map[string]json.RawMessage
	claims map[string]json.RawMessage
	kid    string
	alg    string
	typ    string
}

// readToken reads the text of a signed token (RFC 7515 section 7.1) far more
// strictly than the library that verifies it, so that no two readers of one
// token can see two different things (RFC 8725): exactly one spelling of the
// base64, no member twice in any case, and no header that tells us which key to
// use or where to get it.
func readToken(text string) (written, error) {
	t := written{text: text}
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 {
		return t, errUntidy
	}
	var sections [3][]byte
	for i, p := range parts {
		b, err := base64.RawURLEncoding.Strict().DecodeString(p)
		if err != nil || len(b) == 0 || strings.ContainsAny(p, "\r\n") {
			return t, errUntidy
		}
		sections[i] = b
	}
	var err error
	if t.header, err = members(sections[0]); err != nil {
		return t, err
	}
	if t.claims, err = members(sections[1]); err != nil {
		return t, err
	}
	return t, t.readHeader()
}

// harmless are the headers that change nothing about how a token is read. Names
// of certificates are there for those who look them up; nobody here does.
var harmless = map[string]bool{"alg": true, "kid": true, "typ": true, "x5t": true, "x5t#S256": true}

// algorithms is all that a token may be signed with. Which of them counts is
// said by the key.
var algorithms = map[string]bool{"RS256": true, "ES256": true, "EdDSA": true}

func (t *written) readHeader() error {
	for name := range t.header {
		if !harmless[name] {
			return errUntidy
		}
	}
	var ok [2]bool
	t.alg, ok[0] = stringOf(t.header["alg"])
	t.kid, ok[1] = stringOf(t.header["kid"])
	t.typ, _ = stringOf(t.header["typ"])
	if !ok[0] || !ok[1] || !algorithms[t.alg] || !kidPattern.MatchString(t.kid) {
		return errUntidy
	}
	return nil
}

var (
	kidPattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	numberInSec = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})$`)
)

// members reads one JSON object. A member that is there twice is refused, at any
// depth and in any case: readers differ in which of the two they take.
func members(data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) {
		return nil, errUntidy
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errUntidy
	}
	if err := unambiguous(d, true, 1); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errUntidy
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, errUntidy
	}
	return m, nil
}

// unambiguous reads on to the end of an object or array that has been opened.
func unambiguous(d *json.Decoder, object bool, depth int) error {
	seen := map[string]bool{}
	for isName := object; depth <= maxDepth; isName = object && !isName {
		token, err := d.Token()
		if err != nil {
			return errUntidy
		}
		if name, ok := token.(string); ok && isName {
			if name = strings.ToLower(name); seen[name] {
				return errUntidy
			}
			seen[name] = true
			continue
		}
		switch token {
		case json.Delim('}'), json.Delim(']'):
			return nil
		case json.Delim('{'), json.Delim('['):
			if err := unambiguous(d, token == json.Delim('{'), depth+1); err != nil {
				return err
			}
		}
	}
	return errUntidy
}

// stringOf is a member that must be a string with something in it.
func stringOf(raw json.RawMessage) (string, bool) {
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil || *s == "" {
		return "", false
	}
	return *s, true
}

// secondsOf is a member that must be a whole number of seconds since 1970.
// Fractions and exponents are nobody's: readers differ in what they make of them.
func secondsOf(raw json.RawMessage) (int64, bool) {
	var n json.Number
	if !numberInSec.Match(raw) || json.Unmarshal(raw, &n) != nil {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

// onlyOf is a member that must be a string, or an array with just one.
func onlyOf(raw json.RawMessage) (string, bool) {
	if s, ok := stringOf(raw); ok {
		return s, true
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil || len(list) != 1 || list[0] == "" {
		return "", false
	}
	return list[0], true
}
