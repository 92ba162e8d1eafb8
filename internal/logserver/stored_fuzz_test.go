package logserver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// What stands on the disk, and what is made of it. Each target has its seeds in a
// table and one sentence that must hold for whatever comes.

// Whatever the protocol's own decoder can walk through, ours can, and it sees the
// same fields.
func FuzzFields(f *testing.F) {
	deep := []byte{}
	for range 50 {
		deep = appendBytesField(nil, 1, append(deep, 0x08, 1))
	}
	for _, seed := range [][]byte{
		nil, {0x00}, {0x08}, {0x08, 0x80}, {0x08, 0x01}, {0x0a, 0x05, 'a'}, {0x0b, 0x08, 0x01, 0x0c}, {0x0c}, {0x0d, 1, 2, 3, 4}, {0x09, 1, 2, 3, 4, 5, 6, 7, 8},
		{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, {0x0e}, {0x0f}, {0xf8, 0xff, 0xff, 0xff, 0x0f, 1}, deep,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		var size int
		err := eachField(wire, func(n protowire.Number, v uint64, raw []byte) error {
			if n < 1 {
				t.Errorf("field %d", n)
			}
			size += len(raw)
			return nil
		})
		if theirs := proto.Unmarshal(wire, &emptypb.Empty{}); theirs == nil && err != nil {
			t.Errorf("%x: %v", wire, err)
		}
		if size > len(wire) {
			t.Errorf("%x: %d bytes of fields", wire, size)
		}
	})
}

// A record is, to the byte, what the generated code reads and our own decoder reads.
func FuzzRecord(f *testing.F) {
	for _, seed := range []struct {
		stream, kind   string
		custom, data   string
		revision       int64
		position       uint64
		created        int64
		json, textual  bool
		structuredHalf byte
	}{
		{"s", "T", "", "{}", 0, 1, 0, true, false, 0},
		{"$$s", metadataType, "", `{"$tb":1}`, 7, 1 << 40, 17_000_000_000_000_000, true, true, 0xff},
		{"注文", "größe", "\x00", "\xff", math.MaxInt64, math.MaxUint64, math.MinInt64, false, true, 1},
		{"\xff", "", "c", "", 1 << 31, 128, -1, false, false, 0x80},
	} {
		f.Add(seed.stream, seed.kind, []byte(seed.custom), []byte(seed.data), seed.revision, seed.position, seed.created, seed.json, seed.structuredHalf)
	}
	f.Fuzz(func(t *testing.T, stream, kind string, custom, data []byte, revision int64, position uint64, created int64, json bool, half byte) {
		if stream == "" || position == 0 || revision < 0 || !utf8.ValidString(kind) {
			return // not written
		}
		c := content{id: uuid.UUID{7: half, 8: ^half, 15: 1}, kind: kind, json: json, custom: custom, data: data}
		wire := propose(stream, c).encode(place{revision: revision, position: position, created: created})
		want := &api.ReadResp_ReadEvent_RecordedEvent{
			Id: structured(c.id), StreamIdentifier: identifier(stream), StreamRevision: uint64(revision),
			PreparePosition: position, CommitPosition: position, CustomMetadata: custom, Data: data,
			Metadata: map[string]string{keyType: kind, keyContentType: contentType(json), keyCreated: strconv.FormatInt(created, 10)},
		}
		var got api.ReadResp
		if err := proto.Unmarshal(wire, &got); err != nil || !proto.Equal(want, got.GetEvent().GetEvent()) || got.GetEvent().GetCommitPosition() != position {
			t.Errorf("%v\n%v\n%v", err, want, &got)
		}
		d, err := decode(wire)
		if err != nil || d.id != c.id || string(d.stream) != stream || string(d.kind) != kind || d.json != json ||
			d.revision != revision || d.position != position || d.created != created || !bytes.Equal(d.data, data) {
			t.Errorf("%v, %+v", err, d)
		}
		if removed(wire) || string(streamOf(wire)) != stream {
			t.Errorf("%x is of stream %q", wire, streamOf(wire))
		}
		want.Id = &shared.UUID{Value: &shared.UUID_String_{String_: c.id.String()}}
		var textual api.ReadResp_ReadEvent_RecordedEvent
		if err := proto.Unmarshal(withStringID(d.event), &textual); err != nil || !proto.Equal(want, &textual) {
			t.Errorf("%v\n%v\n%v", err, want, &textual)
		}
	})
}

func structured(id uuid.UUID) *shared.UUID {
	var u shared.UUID
	if err := proto.Unmarshal(appendStructuredID(nil, id)[2:], &u); err != nil {
		panic(err)
	}
	return &u
}

// The keys of a stream are ordered by revision, stand apart from every other
// stream's, and tell which stream they are of.
func FuzzStreamKey(f *testing.F) {
	for _, seed := range []struct {
		a, b string
		r, q int64
	}{
		{"s", "s", 0, 1}, {"s", "ss", math.MaxInt64, 0}, {"a", "a\x00", 255, 256}, {"", "\x00", 0, 0}, {"$$s", "s", 1, 1},
		{"a\x00\x00\x00\x00\x00\x00\x00\x01", "a", 1, 1}, {"\xff", "\xff\xff", math.MaxInt64, math.MaxInt64}, {"ab", "ba", 1 << 32, 1<<32 - 1},
	} {
		f.Add(seed.a, seed.b, seed.r, seed.q)
	}
	f.Fuzz(func(t *testing.T, a, b string, r, q int64) {
		if r < 0 || q < 0 {
			return
		}
		one, other := streamKey(a, r), streamKey(b, q)
		if name, ok := streamIn(one); !ok || name != a || revisionOf(one) != r {
			t.Errorf("%q at %d is read as %q at %d", a, r, name, revisionOf(one))
		}
		if a == b {
			if got, want := bytes.Compare(one, other), cmp.Compare(r, q); got != want {
				t.Errorf("%d and %d are ordered %d", r, q, got)
			}
		} else if bytes.Compare(other, streamPrefix(a)) >= 0 && bytes.Compare(other, streamCeiling(a)) < 0 {
			t.Errorf("%q at %d stands within %q", b, q, a)
		}
		if bytes.Compare(one, streamPrefix(a)) < 0 || bytes.Compare(one, streamCeiling(a)) >= 0 {
			t.Errorf("%q at %d stands outside its stream", a, r)
		}
		if positionOf(logKey(uint64(r))) != uint64(r) || bytes.Compare(logKey(uint64(r)), logCeiling) >= 0 {
			t.Errorf("position %d", r)
		}
	})
}

// Whatever has become of the file, a mark is read as it was written, now or the
// time before, or is refused.
func FuzzMark(f *testing.F) {
	for _, seed := range []struct {
		positions uint8
		at, with  uint8
		cut       uint8
	}{{1, 0, 0, 0}, {2, 0, 1, 0}, {3, 40, 0xff, 0}, {9, 79, 0x80, 0}, {4, 0, 0, 40}, {5, 0, 0, 1}, {2, 12, 1, 79}, {1, 44, 1, 0}} {
		f.Add(seed.positions, seed.at, seed.with, seed.cut)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, positions, at, with, cut uint8) {
		path := markPath(dir) + strconv.Itoa(os.Getpid())
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := vfs.Default.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		m := &mark{file: file, id: uuid.UUID{1}}
		for p := range uint64(positions)%32 + 1 {
			if err := m.write(p * 1000); err != nil {
				t.Fatal(err)
			}
		}
		slots, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		slots[int(at)%len(slots)] ^= with
		slots = slots[:len(slots)-int(cut)%(len(slots)+1)]
		if err := os.WriteFile(path, slots, 0o600); err != nil {
			t.Fatal(err)
		}
		again := &mark{file: file}
		if err := again.read(); err != nil {
			if with == 0 && cut == 0 || !isCorruption(err) {
				t.Errorf("%x: %v", slots, err)
			}
			return
		}
		if again.id != m.id || again.position != m.position && again.position+1000 != m.position || with == 0 && cut == 0 && again.position != m.position {
			t.Errorf("wrote %+v, read %+v", m, again)
		}
	})
}

// Nothing that is written as metadata takes away more than it says, and reviving a
// stream keeps the rest of it.
func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `[]`, `"x"`, `{}`, `{"$tb":9223372036854775807}`, `{"$tb":9223372036854775808}`, `{"$tb":-1,"$maxCount":-5,"$maxAge":-9}`, `{"$maxAge":9007199254740991}`,
		`{"$maxAge":1e3}`, `{"$maxCount":1.5}`, `{"$tb":"3"}`, `{"$tb":null}`, `{"$acl":{"$r":"a"},"$maxCount":3}`, `{"$tb":1,"$tb":2}`, `{"a":"\ud800"}`, "\xff", `{"$maxAge":1}x`,
	} {
		f.Add([]byte(seed), int64(5), int64(1_800_000_000))
	}
	f.Fuzz(func(t *testing.T, metadata []byte, last, seconds int64) {
		if last < -1 || last >= tombstoneRevision || seconds < 0 || seconds > math.MaxInt64/ticksPerSecond/100 {
			return
		}
		now := time.Unix(seconds, 0)
		r := parseRetention(metadata)
		first, oldest := r.first(last), r.oldest(now)
		if first < 0 || first > max(r.TruncateBefore, last+1) || r.MaxCount > 0 && first < last-r.MaxCount+1 {
			t.Errorf("%s: begins at %d of %d", metadata, first, last)
		}
		if oldest > ticks(now) || r.MaxAge <= 0 && oldest != math.MinInt64 || r.MaxAge > 0 && oldest > ticks(now)-ticksPerSecond {
			t.Errorf("%s: keeps what is younger than %d at %d", metadata, oldest, ticks(now))
		}
		again := parseRetention(revival(metadata, 7))
		understood := r != retention{} // only such metadata hides a stream that can be revived
		if again.deleted() || understood && (again.TruncateBefore != 7 || again.MaxCount != r.MaxCount || again.MaxAge != r.MaxAge) {
			t.Errorf("%s is revived as %+v", metadata, again)
		}
		for key, value := range metadataFields(metadata) {
			kept := metadataFields(revival(metadata, 7))
			if key != "$tb" && !bytes.Equal(compact(t, value), kept[key]) {
				t.Errorf("%s: %s was %s and is %s", metadata, key, value, kept[key])
			}
		}
	})
}

// compact is how the encoder writes a value that it was given raw.
func compact(t *testing.T, value json.RawMessage) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A link names a revision of a stream, whose name may hold anything; all else is
// no link.
func FuzzLink(f *testing.F) {
	for _, seed := range []string{"0@s", "@", "5@", "@s", "-1@s", "9223372036854775807@s", "9223372036854775808@s", "1@a@b", "+1@s", "0x1@s", "1_0@s", " 1@s", "1@\xff", ""} {
		f.Add([]byte(seed), "a@b", int64(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, name string, at int64) {
		if revision, stream, ok := target(data); ok && (revision < 0 || stream == "" || !bytes.HasSuffix(data, []byte("@"+stream))) {
			t.Errorf("%q: %d of %q", data, revision, stream)
		}
		revision, stream, ok := target(fmt.Appendf(nil, "%d@%s", at, name))
		if ok != (at >= 0 && name != "") || ok && (revision != at || stream != name) {
			t.Errorf("%d@%q: %d of %q, %v", at, name, revision, stream, ok)
		}
	})
}
