package projections

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Every value goes to the database in PostgreSQL's text form, whether it is
// copied or upserted (then in arrays of texts), so that both ways store the same
// bytes.

// An encoder appends the text form of a value that is not null.
type encoder func(b []byte, v reflect.Value) ([]byte, error)

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

// encoderOf chooses the encoder of a column of type typ for values of Go type t.
// It panics on a type that has none.
func encoderOf(t reflect.Type, typ string) encoder {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return appendRawJSON
	case typ == "jsonb" || typ == "json":
		return appendJSON
	case strings.HasSuffix(typ, "[]"):
		return appendArray(encoderOf(t.Elem(), strings.TrimSuffix(typ, "[]")))
	case t == reflect.TypeFor[time.Time]():
		return appendTime
	case t == reflect.TypeFor[[]byte]():
		return appendBytes
	case t.Implements(textMarshaler):
		return appendMarshaled
	}
	switch t.Kind() {
	case reflect.String:
		return func(b []byte, v reflect.Value) ([]byte, error) { return append(b, v.String()...), nil }
	case reflect.Bool:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(b, v.Bool()), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(b, v.Int(), 10), nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendUint(b, v.Uint(), 10), nil }
	case reflect.Float32, reflect.Float64:
		return func(b []byte, v reflect.Value) ([]byte, error) {
			return strconv.AppendFloat(b, v.Float(), 'g', -1, 64), nil
		}
	}
	panic(fmt.Sprintf("no way to store a %s as %s", t, typ))
}

func appendJSON(b []byte, v reflect.Value) ([]byte, error) {
	j, err := json.Marshal(v.Interface())
	return append(b, j...), err
}

// appendRawJSON takes a document as it is: the rows that hold one have made sure
// that it is one.
func appendRawJSON(b []byte, v reflect.Value) ([]byte, error) {
	if v.Len() == 0 {
		return append(b, null...), nil
	}
	return append(b, v.Bytes()...), nil
}

func appendTime(b []byte, v reflect.Value) ([]byte, error) {
	t, _ := reflect.TypeAssert[time.Time](v) // which it is, without an allocation
	return t.UTC().AppendFormat(b, "2006-01-02T15:04:05.999999Z"), nil
}

func appendBytes(b []byte, v reflect.Value) ([]byte, error) {
	return hex.AppendEncode(append(b, `\x`...), v.Bytes()), nil
}

func appendMarshaled(b []byte, v reflect.Value) ([]byte, error) {
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	return append(b, text...), err
}

// appendArray writes an array literal, every element quoted.
// PostgreSQL documentation, section 8.15.6.
func appendArray(element encoder) encoder {
	return func(b []byte, v reflect.Value) ([]byte, error) {
		var err error
		var text []byte
		b = append(b, '{')
		for i := range v.Len() {
			if text, err = element(text[:0], v.Index(i)); err != nil {
				return b, err
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = appendQuoted(b, text)
		}
		return append(b, '}'), nil
	}
}

func appendQuoted(b, text []byte) []byte {
	b = append(b, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return append(b, '"')
}

// escapeCopied escapes what b ends with, from a place on, for the text format of
// COPY. Most values need none of it.
// PostgreSQL documentation, COPY, "Text Format".
func escapeCopied(b []byte, at int) []byte {
	if clean(b[at:]) {
		return b
	}
	text := bytes.Clone(b[at:])
	b = b[:at]
	for _, c := range text {
		switch c {
		case '\\':
			b = append(b, '\\', '\\')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, c)
		}
	}
	return b
}

// clean tells whether a value has nothing to escape. Looking for one byte after the
// other is several times as fast as looking at each byte once.
func clean(text []byte) bool {
	for _, c := range []byte("\\\n\r\t") {
		if bytes.IndexByte(text, c) >= 0 {
			return false
		}
	}
	return true
}

// textOID is the type text in pg_type.
const textOID = 25

// appendArrayHeader begins an array of n texts, in which some may be null, in
// binary form.
func appendArrayHeader(b []byte, n int) []byte {
	for _, word := range [...]uint32{1, 1, textOID, uint32(n), 1} { // dimensions, nulls, type, length, first index
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return b
}

// sealElement writes the length of the element that begins at a place, and ends
// with b, before it.
func sealElement(b []byte, at int, null bool) {
	length := uint32(len(b) - at - 4)
	if null {
		length = math.MaxUint32
	}
	binary.BigEndian.PutUint32(b[at:], length)
}

// textArray is an array of texts in binary form.
func textArray(texts []string) []byte {
	b := appendArrayHeader(nil, len(texts))
	for _, t := range texts {
		at := len(b)
		b = append(append(b, 0, 0, 0, 0), t...)
		sealElement(b, at, false)
	}
	return b
}
