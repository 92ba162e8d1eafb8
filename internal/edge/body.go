package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/reeve-platform/reeve/domain"
)

// MaxBody is how many bytes a body may have unless its operation says otherwise.
const MaxBody = 1 << 20

// maxDepth is how deep objects and arrays may be nested.
const maxDepth = 32

var (
	// ErrPayloadTooLarge: the body has more bytes than the operation takes.
	ErrPayloadTooLarge = &domain.Error{Kind: domain.Exhausted, Code: "payload-too-large", Detail: "the body is larger than the operation takes"}
	// ErrRequestTimeout: the body did not arrive in time.
	ErrRequestTimeout = &domain.Error{Kind: domain.Malformed, Code: "request-timeout", Detail: "the body did not arrive in time"}
	// ErrUnreadableBody: the body broke off.
	ErrUnreadableBody = &domain.Error{Kind: domain.Malformed, Code: "unreadable-body", Detail: "the body could not be read to its end"}
)

// ReadBody reads one JSON object of at most limit bytes; no body at all is an
// empty object. Whatever the catalogues are asked comes through it, so that no two
// surfaces can read one body differently: a member that appears twice, text that is
// not UTF-8, anything after the object and nesting beyond 32 levels are refused
// with ErrMalformedJSON. Numbers stay as they were written (json.Number).
func ReadBody(r io.Reader, limit int64) (map[string]any, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	var large *http.MaxBytesError
	switch {
	case int64(len(b)) > limit, errors.As(err, &large):
		return nil, ErrPayloadTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, ErrRequestTimeout
	case err != nil:
		return nil, ErrUnreadableBody.Because(err)
	case len(b) == 0:
		return map[string]any{}, nil
	}
	return parse(b)
}

func parse(b []byte) (map[string]any, error) {
	switch {
	case !utf8.Valid(b):
		return nil, ErrMalformedJSON.With("the body must be UTF-8")
	case !json.Valid(b):
		return nil, ErrMalformedJSON
	case loneSurrogate(b):
		return nil, ErrMalformedJSON.With("an escaped surrogate stands alone")
	}
	v, err := valueIn(b)
	if err != nil {
		return nil, err
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return nil, ErrMalformedJSON
	}
	return obj, nil
}

// valueIn reads valid JSON. It is walked token by token, which takes three times as
// long, only if something is wrong with it: it is too deep, or it has more members
// than are left once it is read, so that one of them appears twice.
func valueIn(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if members, depth := measure(b); depth <= maxDepth {
		if err := d.Decode(&v); err != nil {
			return nil, ErrMalformedJSON.Because(err)
		}
		if held(v) == members {
			return v, nil
		}
		d = json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
	}
	return (&parser{d, nil}).value()
}

// measure counts the members of all objects in valid JSON, each of which has one colon
// outside of texts, and how deep it is nested.
func measure(b []byte) (members, depth int) {
	level, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
			if c == '\\' {
				i++
			}
		case c == ':':
			members++
		case c == '{', c == '[':
			level++
			depth = max(depth, level)
		case c == '}', c == ']':
			level--
		}
	}
	return members, depth
}

func held(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		n = len(v)
		for _, member := range v {
			n += held(member)
		}
	case []any:
		for _, item := range v {
			n += held(item)
		}
	}
	return n
}

// A parser walks the tokens of valid JSON; path is where it is.
type parser struct {
	d    *json.Decoder
	path []string
}

func (p *parser) value() (any, error) {
	t, err := p.d.Token()
	if err != nil {
		return nil, ErrMalformedJSON.Because(err)
	}
	delim, ok := t.(json.Delim)
	switch {
	case !ok:
		return t, nil
	case len(p.path) >= maxDepth:
		return nil, ErrMalformedJSON.With("the body is nested too deeply")
	case delim == '{':
		return p.object()
	}
	return p.array()
}

func (p *parser) object() (any, error) {
	obj := map[string]any{}
	for p.d.More() {
		t, err := p.d.Token()
		if err != nil {
			return nil, ErrMalformedJSON.Because(err)
		}
		name := t.(string)
		p.path = append(p.path, name)
		if _, twice := obj[name]; twice {
			return nil, ErrMalformedJSON.With("a member appears twice").At(pointer(p.path), "appears twice")
		}
		if obj[name], err = p.value(); err != nil {
			return nil, err
		}
		p.path = p.path[:len(p.path)-1]
	}
	return obj, p.end()
}

func (p *parser) array() (any, error) {
	list := []any{}
	for p.d.More() {
		p.path = append(p.path, strconv.Itoa(len(list)))
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		p.path = p.path[:len(p.path)-1]
	}
	return list, p.end()
}

func (p *parser) end() error {
	if _, err := p.d.Token(); err != nil {
		return ErrMalformedJSON.Because(err)
	}
	return nil
}

// maxName is how long a name may be for a pointer to repeat it.
const maxName = 64

// pointer is the RFC 6901 pointer to path. It ends before a name that is
// unreasonably long: pointers say where, they do not carry content.
func pointer(path []string) string {
	var b strings.Builder
	for _, step := range path {
		if len(step) > maxName {
			break
		}
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}
	return b.String()
}

// loneSurrogate finds an escape such as \ud800 without its other half.
// encoding/json would silently replace it, so that two different texts read alike.
func loneSurrogate(b []byte) bool {
	for i := 0; i < len(b)-1; i++ {
		if b[i] != '\\' {
			continue
		}
		r := escaped(b[i:])
		switch {
		case !utf16.IsSurrogate(r):
			i++
		case utf16.DecodeRune(r, escaped(b[i+6:])) == utf8.RuneError:
			return true
		default:
			i += 11
		}
	}
	return false
}

// escaped is the UTF-16 unit of the \uXXXX that b begins with, or 0.
func escaped(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}
