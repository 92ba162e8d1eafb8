package logserver

import (
	"testing"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/internal/logserver/share"
)

func TestBucketOfAnEvent(t *testing.T) {
	stream, correlation := share.Bucket([]byte("s")), share.Bucket([]byte("order-1"))
	cases := []struct {
		name         string
		strategy     share.Strategy
		kind         string
		custom, data string
		want         uint32
	}{
		{"none is needed", share.RoundRobin, "T", "", "", 0},
		{"by its stream", share.Pinned, "T", `{"$correlationId":"order-1"}`, "", stream},
		{"by the stream a link names", share.Pinned, linkType, "", "7@order-1", correlation},
		{"by its correlation", share.PinnedByCorrelation, "T", `{"$correlationId":"order-1"}`, "", correlation},
		{"without a correlation", share.PinnedByCorrelation, "T", `{}`, "", stream},
		{"metadata that is no JSON", share.PinnedByCorrelation, "T", `order`, "", stream},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := propose("s", content{id: uuid.New(), kind: c.kind, custom: []byte(c.custom), data: []byte(c.data)})
			event, err := recordedEvent(p.encode(place{position: 1}))
			if err != nil {
				t.Fatal(err)
			}
			r := groupRun{config: groupConfig{Strategy: c.strategy}}
			if got := r.bucket(event); got != c.want {
				t.Errorf("bucket %d, want %d", got, c.want)
			}
		})
	}
}

// Groups are told of in messages and kept in documents, and both hold text only: one
// other name would have kept all groups from being listed, and come back as another
// name after a restart.
func TestGroupsAreOfStreamsNamedInText(t *testing.T) {
	for stream, fine := range map[string]bool{"s": true, "größe-🧾": true, "\xff": false, "s\xc3": false} {
		if err := (groupKey{Stream: stream, Group: "g"}).valid(); (err == nil) != fine {
			t.Errorf("%q: %v", stream, err)
		}
	}
}
