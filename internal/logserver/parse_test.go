package logserver

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"golang.org/x/crypto/bcrypt"
	"google.golang.org/protobuf/proto"
)

const someHash = "$2y$05$abcdefghijklmnopqrstuuCXz5JvLpJEGC2W8mGuC0Rdi9B3dDCYq"

func TestUsersFile(t *testing.T) {
	right := map[string][]string{
		"":                         {},
		"\n# nobody\n\n":           {},
		"ann:" + someHash:          {"ann"},
		"ann:" + someHash + "\r\n": {"ann"},
		"b:" + someHash + ":$admins\na:" + someHash + ":$ops,readers\n": {"a", "b"},
	}
	for text, want := range right {
		all, err := parseUsers([]byte(text))
		var names []string
		for _, u := range all {
			names = append(names, u.Name)
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%q: %v, %v", text, names, err)
		}
	}
	wrong := []string{
		"ann", "ann:", ":" + someHash, "ann:secret", "ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "ann:$apr1$x$y",
		"ann:$2y$31$abcdefghijklmnopqrstuuCXz5JvLpJEGC2W8mGuC0Rdi9B3dDCYq", "ann:" + someHash[:40],
		"$admins:" + someHash, "a b:" + someHash, "ann:" + someHash + ":$root", "ann:" + someHash + ":a,,b", "ann:" + someHash + ":a:b", "ann:" + someHash + ": $admins",
		"ann:" + someHash + "\nann:" + someHash, "ann:" + someHash + ":bob\nbob:" + someHash,
		"ann:" + someHash + "\x00", "a\x00:" + someHash, strings.Repeat("a", 300) + ":" + someHash,
	}
	for _, text := range wrong {
		if all, err := parseUsers([]byte(text)); err == nil {
			t.Errorf("%q: %v", text, all)
		} else if strings.Contains(err.Error(), "ann") || strings.Contains(err.Error(), "2y") {
			t.Errorf("%q: the error repeats it: %v", text, err)
		}
	}
}

func TestEditingUsers(t *testing.T) {
	path := t.TempDir() + "/users"
	steps := []struct {
		name string
		do   func() error
		want string // names and groups
	}{
		{"the first", func() error { return SetUser(path, "bob", []byte("b"), nil) }, "bob"},
		{"with groups", func() error { return SetUser(path, "ann", []byte("a"), []string{"$admins", "x"}) }, "ann $admins x, bob"},
		{"another password", func() error { return SetUser(path, "ann", []byte("c"), nil) }, "ann $admins x, bob"},
		{"other groups", func() error { return SetUser(path, "ann", []byte("c"), []string{"y"}) }, "ann y, bob"},
		{"away", func() error { return RemoveUser(path, "bob") }, "ann y"},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		all, err := ReadUsers(path)
		var got []string
		for _, u := range all {
			got = append(got, strings.Join(append([]string{u.Name}, u.Groups...), " "))
		}
		if err != nil || strings.Join(got, ", ") != s.want {
			t.Errorf("%s: %v, %v", s.name, got, err)
		}
	}
	if err := RemoveUser(path, "bob"); !errors.Is(err, ErrNoUser) {
		t.Errorf("removed twice: %v", err)
	}
	refused := map[string]error{
		"no password":       SetUser(path, "x", nil, nil),
		"a long password":   SetUser(path, "x", make([]byte, 73), nil),
		"a group's name":    SetUser(path, "y", []byte("p"), nil),
		"a made up group":   SetUser(path, "x", []byte("p"), []string{"$root"}),
		"two lines":         SetUser(path, "x\ny", []byte("p"), nil),
		"a comment":         SetUser(path, "#x", []byte("p"), nil),
		"no name":           SetUser(path, "", []byte("p"), nil),
		"the file's letter": SetUser(path, "x:y", []byte("p"), nil),
	}
	for name, err := range refused {
		if err == nil {
			t.Errorf("%s is fine", name)
		}
	}
}

// An unknown name is compared at the price of the dearest known one.
func TestDecoyCostsAsMuch(t *testing.T) {
	users, err := parseUsers([]byte("a:" + someHash + "\nb:" + strings.Replace(someHash, "$05$", "$07$", 1)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRoll(users)
	if err != nil {
		t.Fatal(err)
	}
	if cost, err := bcrypt.Cost(r.decoy); err != nil || cost != 7 {
		t.Errorf("cost %d, %v", cost, err)
	}
}

func TestFailuresAreForgotten(t *testing.T) {
	f, now := newFailures(), time.Unix(0, 0)
	f.now = func() time.Time { return now }
	admitted := func(from string, tries int) (n int) {
		for range tries {
			if f.admit(from) {
				n++
			}
		}
		return n
	}
	if n := admitted("a", 50); n != failuresAtOnce {
		t.Errorf("%d at once", n)
	}
	if n := admitted("b", 50); n != failuresAtOnce {
		t.Errorf("%d from elsewhere", n)
	}
	now = now.Add(3 * failureForgotten)
	if n := admitted("a", 50); n != 3 {
		t.Errorf("%d after three are forgotten", n)
	}
	for range 3 * placesHeld {
		f.admit(base64.StdEncoding.EncodeToString([]byte(now.String())))
		now = now.Add(1)
	}
	if n := f.places.Len(); n > placesHeld {
		t.Errorf("%d places are held", n)
	}
}

func TestPlaces(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:5": "192.0.2.7", "[::ffff:192.0.2.7]:5": "192.0.2.7", "[2001:db8::1:2]:5": "2001:db8::/64", "[2001:db8::9]:6": "2001:db8::/64",
		"[::1]:7": "::1", "[fe80::1%eth0]:7": "fe80::/64", "pipe": "pipe",
	} {
		if got := placeOf(address); got != want {
			t.Errorf("%s is %s", address, got)
		}
	}
}

func FuzzBasic(f *testing.F) {
	f.Add("Basic " + base64.StdEncoding.EncodeToString([]byte("ann:secret")))
	f.Add("basic  x")
	f.Add("")
	f.Fuzz(func(t *testing.T, header string) {
		c, err := readBasic(header)
		if err != nil {
			return
		}
		if c.name == "" || strings.Contains(c.name, ":") || c.password == "" || len(c.password) > passwordLimit {
			t.Errorf("%q: %+v", header, c)
		}
		again, err := readBasic("Basic " + base64.StdEncoding.EncodeToString([]byte(c.name+":"+c.password)))
		if err != nil || again != c {
			t.Errorf("%q: %+v, then %+v, %v", header, c, again, err)
		}
	})
}

// What is not understood whole gives nothing to anybody.
func FuzzACL(f *testing.F) {
	for _, seed := range []string{`{"$acl":{"$r":"a","$w":["b","c"]}}`, `{"$acl":"$userStreamAcl"}`, `{"$acl":{"$r":[null]}}`, `{"$acl":null}`, ``, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, metadata []byte) {
		a, borrowed, err := streamACL(metadata)
		if err != nil && (a != nil || borrowed != "") {
			t.Errorf("%q: %v with %v %q", metadata, err, a, borrowed)
		}
		if borrowed != "" && (a != nil || builtIn[borrowed] == nil) {
			t.Errorf("%q: %v %q", metadata, a, borrowed)
		}
		fields := map[string][]string{}
		for key, r := range aclKeys {
			if roles, ok := a[r]; ok {
				fields[key] = roles
			}
		}
		text, err := json.Marshal(map[string]any{"$acl": fields})
		if err != nil {
			t.Fatal(err)
		}
		if again, _, err := streamACL(text); a != nil && (err != nil || !reflect.DeepEqual(again, a)) {
			t.Errorf("%q: %v, then %v, %v", metadata, a, again, err)
		}
	})
}

func FuzzUsers(f *testing.F) {
	f.Add([]byte("ann:" + someHash + ":$admins\n# x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := parseUsers(text)
		if err != nil {
			return
		}
		var lines []string
		for _, u := range all {
			lines = append(lines, u.line())
		}
		again, err := parseUsers([]byte(strings.Join(lines, "\n")))
		if err != nil || len(again) != len(all) || !reflect.DeepEqual(again, all) {
			t.Errorf("%q: %v, then %v, %v", text, all, again, err)
		}
	})
}

// Whatever comes as a chunk is read or refused, and what is held is counted.
func FuzzChunk(f *testing.F) {
	id := appendStringField(nil, uuidString, "00000000-0000-4000-8000-000000000001")
	seed := appendBytesField(nil, 1, id)
	seed = appendBytesField(seed, 2, append(appendStreamField(nil, 1, "s"), 0x22, 0))
	seed = appendBytesField(seed, 3, appendMapEntry(appendBytesField(nil, 1, id), keyType, "T"))
	f.Add(append(seed, 0x20, 1))
	f.Fuzz(func(t *testing.T, wire []byte) {
		c, err := readChunk(wire)
		if err != nil {
			return
		}
		a := newBatch(c, 100)
		a.add(c, len(wire))
		if a.refused == nil && (!a.opened || a.stream == "" || a.bytes < len(wire)) {
			t.Errorf("%x is fine: %+v", wire, a)
		}
		if a.refused != nil && (a.events != nil || a.bytes != 0) {
			t.Errorf("%x is refused and held: %+v", wire, a)
		}
		sent, err := newWireCodec().Marshal(batchAnswer(a, outcome{err: a.refused, last: entry{revision: 3, position: 7}}))
		var answer api.BatchAppendResp
		if err != nil || proto.Unmarshal(sent.Materialize(), &answer) != nil {
			t.Fatalf("%x: %v, %v", wire, sent, err)
		}
		if a.refused != nil && len(answer.GetError().GetDetails()) != 1 {
			t.Errorf("%x: %v", wire, &answer)
		}
		if a.refused == nil && (answer.GetSuccess().GetCurrentRevision() != 3 || answer.GetSuccess().GetPosition().GetCommitPosition() != 7 ||
			string(answer.GetStreamIdentifier().GetStreamName()) != a.stream || answer.ExpectedStreamPosition == nil) {
			t.Errorf("%x succeeded: %v", wire, &answer)
		}
	})
}
