package domain

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A Definition is the one place an event type is declared.
type Definition struct {
	Name    string
	Version int
	Type    reflect.Type
	PII     []string // JSON names of fields tagged pii, dotted for nested ones

	decode map[int]func([]byte) (Event, error)
}

// A Vocabulary is the list of events of one kind of stream.
type Vocabulary []Definition

// Define declares event E under a name that never changes. It panics if a
// reader for an older version is missing: a build that cannot read the log must
// not start.
func Define[E Event](name string, version int, older ...Older[E]) Definition {
	t := reflect.TypeFor[E]()
	d := Definition{Name: name, Version: version, Type: t, PII: piiFields(t, "")}
	d.decode = map[int]func([]byte) (Event, error){version: decodeInto[E]}
	for _, o := range older {
		d.decode[o.version] = o.decode
	}
	for v := 1; v <= version; v++ {
		if d.decode[v] == nil {
			panic(fmt.Sprintf("event %s: no reader for version %d", name, v))
		}
	}
	return d
}

// Older reads an earlier shape of event E.
type Older[E Event] struct {
	version int
	decode  func([]byte) (Event, error)
}

// From upgrades events stored as version n, of shape O, to today's E.
func From[O any, E Event](n int, upgrade func(O) E) Older[E] {
	return Older[E]{n, func(b []byte) (Event, error) {
		var old O
		if err := json.Unmarshal(b, &old); err != nil {
			return nil, err
		}
		return upgrade(old), nil
	}}
}

func decodeInto[E Event](b []byte) (Event, error) {
	var e E
	err := json.Unmarshal(b, &e)
	return e, err
}

func piiFields(t reflect.Type, prefix string) (names []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if _, ok := f.Tag.Lookup("pii"); ok {
			names = append(names, prefix+name)
			continue
		}
		if f.Anonymous && name == "" { // its members stand among those of the struct
			names = append(names, piiFields(f.Type, prefix)...)
		} else if f.PkgPath == "" {
			names = append(names, piiFields(f.Type, prefix+name+".")...)
		}
	}
	return names
}

// A Registry finds definitions by stored name and by Go type.
type Registry struct {
	byName map[string]Definition
	byType map[reflect.Type]Definition
}

// NewRegistry joins vocabularies. It panics if two events share a name or a type.
func NewRegistry(vs ...Vocabulary) *Registry {
	r := &Registry{map[string]Definition{}, map[reflect.Type]Definition{}}
	for _, d := range slices.Concat(vs...) {
		if _, dup := r.byName[d.Name]; dup {
			panic("event declared twice: " + d.Name)
		}
		if _, dup := r.byType[d.Type]; dup {
			panic("type declared twice: " + d.Type.String())
		}
		r.byName[d.Name], r.byType[d.Type] = d, d
	}
	return r
}

// Definitions lists every declaration, sorted by name.
func (r *Registry) Definitions() []Definition {
	return slices.SortedFunc(maps.Values(r.byName), func(a, b Definition) int { return strings.Compare(a.Name, b.Name) })
}

// Definition returns the declaration of e.
func (r *Registry) Definition(e Event) (Definition, bool) {
	d, ok := r.byType[reflect.TypeOf(e)]
	return d, ok
}

// ErrUnknownVersion: the log holds an event newer than this build can read.
// Whoever meets it must stop rather than misread.
var ErrUnknownVersion = &Error{Kind: Internal, Code: "unknown-event-version", Detail: "this build cannot read that version of the event"}

// ErrUnreadableEvent: the stored bytes are not the event their type claims.
var ErrUnreadableEvent = &Error{Kind: Internal, Code: "unreadable-event", Detail: "the stored event cannot be decoded"}

// Decode turns stored bytes of any known version into today's event. A name
// outside the vocabulary gives a nil Event and no error: it is somebody else's.
func (r *Registry) Decode(name string, version int, data []byte) (Event, error) {
	d, ok := r.byName[name]
	if !ok {
		return nil, nil
	}
	dec, ok := d.decode[version]
	if !ok {
		return nil, ErrUnknownVersion.With(fmt.Sprintf("%s version %d; the newest known is %d", name, version, d.Version))
	}
	e, err := dec(data)
	if err != nil {
		return nil, ErrUnreadableEvent.Because(err)
	}
	return e, nil
}

// Encode gives the stored name, version and bytes of an event. It panics on an
// event that no vocabulary declares, which the meta-tests make impossible.
func (r *Registry) Encode(e Event) (name string, version int, data []byte, err error) {
	d, ok := r.Definition(e)
	if !ok {
		panic(fmt.Sprintf("event %T is not in any vocabulary", e))
	}
	data, err = json.Marshal(e)
	return d.Name, d.Version, data, err
}
