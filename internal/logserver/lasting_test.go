package logserver_test

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"

	"github.com/reeve-platform/reeve/internal/logserver"
)

func TestAppendOnly(t *testing.T) {
	w := &world{T: t, ctx: t.Context(), server: serveWith(t, logserver.Options{Dir: t.TempDir(), Addr: "127.0.0.1:0",
		Security: logserver.Security{AppendOnly: true, Truncatable: []string{"snap-"}}})}
	w.client = connect(t, w.server.URL())
	for _, stream := range []string{"note", "snap-1", "$own"} {
		w.append(stream, esdb.Any{}, events(0, 3)...)
		w.describeRaw(stream, `{"colour":"red","$acl":{"$r":"ann"}}`)
		for _, retention := range []string{`{"$maxAge":9}`, `{"$maxCount":9}`, `{"$tb":1}`, `{"$MAXCOUNT":9}`, `{"$maxCount":9,"$MAXCOUNT":0}`, `{"$maxCount":9,"$MAXCOUNT":"x"}`} {
			e := settings(retention)
			_, err := w.try("$$"+stream, esdb.Any{}, e)
			w.wantAllowed(stream, err)
		}
		_, err := w.client.DeleteStream(w.ctx, stream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
		w.wantAllowed(stream, err)
		_, err = w.client.TombstoneStream(w.ctx, stream, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
		w.wantAllowed(stream, err)
	}
	if n := len(w.read("note")); n != 3 {
		t.Errorf("%d events are left", n)
	}
	b := w.batch()
	b.say(&batchReq{CorrelationId: textID(1), Options: batchTo("$$note", nil), IsFinal: true,
		ProposedMessages: []*batchEvent{{Id: textID(1), Metadata: typed, Data: []byte(`{"$tb":2}`)}}})
	if code := b.hear().GetError().GetCode(); codes.Code(code) != codes.PermissionDenied {
		t.Errorf("in a batch: %d", code)
	}
}

func (w *world) wantAllowed(stream string, err error) {
	w.Helper()
	if stream == "note" {
		w.wantCode(err, esdb.ErrorCodeAccessDenied)
	} else if err != nil {
		w.Errorf("%s: %v", stream, err)
	}
}
