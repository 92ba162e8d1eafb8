package conformance

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
)

// Retention counts at read time, in every combination.
func TestRetentionAtReadTime(t *testing.T) {
	type metadata = esdb.StreamMetadata
	cases := []struct {
		name   string
		change func(*metadata)
		want   []uint64
	}{
		{"max count", func(m *metadata) { m.SetMaxCount(2) }, []uint64{3, 4}},
		{"max count above what there is", func(m *metadata) { m.SetMaxCount(50) }, []uint64{0, 1, 2, 3, 4}},
		{"truncate before", func(m *metadata) { m.SetTruncateBefore(1) }, []uint64{1, 2, 3, 4}},
		{"truncate before the first", func(m *metadata) { m.SetTruncateBefore(0) }, []uint64{0, 1, 2, 3, 4}},
		{"truncate all but the last", func(m *metadata) { m.SetTruncateBefore(4) }, []uint64{4}},
		{"max count is stricter", func(m *metadata) { m.SetTruncateBefore(1); m.SetMaxCount(1) }, []uint64{4}},
		{"truncate before is stricter", func(m *metadata) { m.SetTruncateBefore(3); m.SetMaxCount(4) }, []uint64{3, 4}},
		{"young enough", func(m *metadata) { m.SetMaxAge(time.Hour) }, []uint64{0, 1, 2, 3, 4}},
		{"young enough, but too many", func(m *metadata) { m.SetMaxAge(time.Hour); m.SetMaxCount(3) }, []uint64{2, 3, 4}},
		{"all three", func(m *metadata) { m.SetMaxAge(time.Hour); m.SetMaxCount(3); m.SetTruncateBefore(3) }, []uint64{3, 4}},
		{"truncated away", func(m *metadata) { m.SetTruncateBefore(99) }, []uint64{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := start(t)
			from := w.anchor()
			s := w.name("s")
			w.append(s, esdb.NoStream{}, events(0, 5)...)
			w.describe(s, c.change)
			w.same("forwards", c.want, revisions(w.read(s)))
			back, err := w.readWith(s, esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards}, 100)
			w.must(err)
			w.same("backwards", reversed(c.want), revisions(back))
			counted, err := w.readWith(s, esdb.ReadStreamOptions{From: esdb.Start{}}, 1)
			w.must(err)
			w.same("counted", c.want[:min(1, len(c.want))], revisions(counted))
			w.same("$all shows all, and the metadata", 7, len(w.since(from)))
			w.append(s, esdb.Revision(4), event(5))
		})
	}
}

func reversed(all []uint64) []uint64 {
	back := make([]uint64, 0, len(all))
	for n := range all {
		back = append(back, all[len(all)-1-n])
	}
	return back
}

func TestMaxCountMovesAlong(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(2) })
	for n := range 4 {
		w.append(s, esdb.Any{}, event(n))
		want := []uint64{uint64(n)}
		if n > 0 {
			want = []uint64{uint64(n - 1), uint64(n)}
		}
		w.same("revisions", want, revisions(w.read(s)))
	}
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(3) })
	if got := revisions(w.read(s)); len(got) > 3 || got[len(got)-1] != 3 {
		t.Errorf("after the limit was raised: %v", got)
	}
}

func TestExpiredStreamIsEmptyAndNotMissingAndKeepsItsRevision(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 2)...)
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxAge(time.Second) })
	w.until("the events to expire", func() bool { return len(w.read(s)) == 0 })
	said, err := w.receive(request(s, nil))
	if err != nil || len(said) != 0 {
		t.Errorf("%v, %v", said, err)
	}
	w.same("subscribed", []string{"caught up"}, w.hear(w.follow(s, esdb.Start{}), "caught up"))
	if r := w.append(s, esdb.Revision(1), event(2)); r.NextExpectedVersion != 2 {
		t.Errorf("numbering went on at %d", r.NextExpectedVersion)
	}
}

func TestMetadataBeforeTheStream(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(1) })
	w.wantMissing(s)
	w.append(s, esdb.StreamExists{}, events(0, 2)...)
	w.same("revisions", []uint64{1}, revisions(w.read(s)))
	other := w.name("other")
	w.describe(other, func(m *esdb.StreamMetadata) { m.SetMaxCount(1) })
	w.append(other, esdb.NoStream{}, event(0))
}

func TestMetadataIsReadBack(t *testing.T) {
	w := start(t)
	s := w.name("s")
	_, err := w.client.GetStreamMetadata(w.ctx, s, esdb.ReadStreamOptions{})
	w.wantCode(err, esdb.ErrorCodeResourceNotFound)
	acl := esdb.Acl{}
	acl.AddReadRoles("$all")
	acl.AddWriteRoles("$admins")
	w.describe(s, func(m *esdb.StreamMetadata) {
		m.SetMaxAge(90 * time.Second)
		m.SetMaxCount(17)
		m.SetTruncateBefore(3)
		m.SetCacheControl(7 * time.Second)
		m.SetAcl(acl)
		m.AddCustomProperty("colour", "red")
	})
	m, err := w.client.GetStreamMetadata(w.ctx, s, esdb.ReadStreamOptions{})
	w.must(err)
	got := fmt.Sprintln(*m.MaxAge(), *m.MaxCount(), *m.TruncateBefore(), *m.CacheControl(), m.StreamAcl().ReadRoles(), m.StreamAcl().WriteRoles(), m.CustomProperty("colour"))
	w.same("metadata", "1m30s 17 3 7s [$all] [$admins] red\n", got)
}

func TestMetastreamIsAStreamOfOneEvent(t *testing.T) {
	w := start(t)
	s := w.name("s")
	for n := range 3 {
		w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(uint64(n + 1)) })
	}
	got := w.read("$$" + s)
	if len(got) != 1 || got[0].Event.EventNumber != 2 || got[0].Event.EventType != "$metadata" || got[0].Event.ContentType != "application/json" {
		t.Errorf("a metastream shows its last event only, not %v", places(got))
	}
	back, err := w.readWith("$$"+s, esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards}, math.MaxUint64)
	w.must(err)
	w.same("backwards", []uint64{2}, revisions(back))
	o := esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(0)}
	_, err = w.client.SetStreamMetadata(w.ctx, s, o, esdb.StreamMetadata{})
	w.wantCode(err, esdb.ErrorCodeWrongExpectedVersion)
}

// The metadata of a metastream says nothing: it keeps one event whatever it says.
func TestMetadataOfMetadata(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 3)...)
	w.describe("$$"+s, func(m *esdb.StreamMetadata) { m.SetTruncateBefore(9); m.SetMaxCount(5) })
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(9) })
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(2) })
	w.same("metastream", []uint64{1}, revisions(w.read("$$"+s)))
	w.same("its metastream", []uint64{0}, revisions(w.read("$$$$"+s)))
	w.same("stream", []uint64{1, 2}, revisions(w.read(s)))
}

// Metadata is what the newest event of the metastream holds; what cannot be
// understood limits nothing.
func TestMetadataThatCannotBeUnderstoodLimitsNothing(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 3)...)
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(1) })
	for _, text := range []string{"", "no JSON", "{}"} {
		w.append("$$"+s, esdb.Any{}, esdb.EventData{EventID: uuid.New(), EventType: "$metadata", ContentType: esdb.ContentTypeJson, Data: []byte(text)})
		w.same(text, []uint64{0, 1, 2}, revisions(w.read(s)))
		w.append(s, esdb.StreamExists{}, event(0))
	}
}

// Numbers that are larger than any clock, and properties whose names are nearly
// those of limits, hide nothing.
func TestMetadataThatOnlyLooksLikeALimit(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 3)...)
	for _, text := range []string{
		`{"$maxAge":900000000000}`, `{"$maxAge":1000000000000}`, `{"$maxAge":9223372036854775807}`, `{"$maxCount":9223372036854775807}`,
		`{"$MaxCount":1}`, `{"$TB":2}`, `{"$maxage":1,"$MAXAGE":1}`, `{"maxCount":1,"tb":2}`,
		`{"$maxCount":0}`, `{"$maxCount":-1}`, `{"$maxAge":-1}`, `{"$tb":-1}`, `{"$maxCount":"1"}`, `null`, `[]`, `7`,
	} {
		w.append("$$"+s, esdb.Any{}, esdb.EventData{EventID: uuid.New(), EventType: "$metadata", ContentType: esdb.ContentTypeJson, Data: []byte(text)})
		w.same(text, []uint64{0, 1, 2}, revisions(w.read(s)))
	}
}
