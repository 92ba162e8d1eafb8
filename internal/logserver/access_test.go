package logserver_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// impossible is an expected revision that no stream has: whoever may write
// hears that, and nothing changes.
const impossible = 1 << 40

// attempts are what a caller can try on a stream. Each returns the status that
// a caller with the right would not see as PERMISSION_DENIED.
var attempts = map[string]func(context.Context, streams.StreamsClient, string) error{
	"read": func(ctx context.Context, c streams.StreamsClient, stream string) error {
		call, err := c.Read(ctx, request(func(o *streams.ReadReq_Options) { source(o, stream) }))
		return ended(call, err)
	},
	"subscribe": func(ctx context.Context, c streams.StreamsClient, stream string) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		call, err := c.Read(ctx, request(func(o *streams.ReadReq_Options) {
			source(o, stream)
			o.CountOption = &streams.ReadReq_Options_Subscription{}
		}))
		if err == nil {
			_, err = call.Recv()
		}
		return err
	},
	"append": tryAppend,
	"batch": func(ctx context.Context, c streams.StreamsClient, stream string) error {
		call, err := c.BatchAppend(ctx)
		if err != nil {
			return err
		}
		o := batchTo(stream, func(o *batchOpts) {
			o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: impossible}
		})
		_ = call.Send(&batchReq{CorrelationId: textID(1), Options: o, ProposedMessages: batchEvents(1, 1), IsFinal: true})
		_ = call.CloseSend()
		answer, err := call.Recv()
		if err != nil {
			return err
		}
		return status.Error(codes.Code(answer.GetError().GetCode()), "refused")
	},
	"delete": func(ctx context.Context, c streams.StreamsClient, stream string) error {
		_, err := c.Delete(ctx, &streams.DeleteReq{Options: &streams.DeleteReq_Options{
			StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
			ExpectedStreamRevision: &streams.DeleteReq_Options_Revision{Revision: impossible}}})
		return err
	},
	"tombstone": func(ctx context.Context, c streams.StreamsClient, stream string) error {
		_, err := c.Tombstone(ctx, &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{
			StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
			ExpectedStreamRevision: &streams.TombstoneReq_Options_Revision{Revision: impossible}}})
		return err
	},
	"read metadata": func(ctx context.Context, c streams.StreamsClient, stream string) error {
		call, err := c.Read(ctx, request(func(o *streams.ReadReq_Options) { source(o, "$$"+stream) }))
		return ended(call, err)
	},
	"write metadata": func(ctx context.Context, c streams.StreamsClient, stream string) error {
		return tryAppend(ctx, c, "$$"+stream)
	},
}

func source(o *streams.ReadReq_Options, stream string) {
	if stream == "$all" {
		ofAll(o)
		return
	}
	o.GetStream().StreamIdentifier.StreamName = []byte(stream)
}

func ended(call streams.Streams_ReadClient, err error) error {
	for err == nil {
		_, err = call.Recv()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func tryAppend(ctx context.Context, c streams.StreamsClient, stream string) error {
	call, err := c.Append(ctx)
	if err != nil {
		return err
	}
	first := options(stream, true)
	first.GetOptions().ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: impossible}
	_ = call.Send(first)
	_ = call.Send(propose(&proposed{Id: textID(1), Metadata: typed, Data: []byte("{}")}))
	_, err = call.CloseAndRecv()
	return err
}

// streamsByACL is what metadata the streams of the table have.
var streamsByACL = map[string]string{
	"open":      "",
	"ann's":     `{"$acl":{"$r":"ann","$w":"ann","$d":"ann","$mr":"ann","$mw":"ann"}}`,
	"team's":    `{"$acl":{"$r":["readers","ann"],"$w":["ann","writers"]}}`,
	"nobody's":  `{"$acl":{"$r":[],"$w":[],"$d":[],"$mr":[],"$mw":[]}}`,
	"empty":     `{"$acl":{"$r":"","$w":"","$d":"","$mr":"","$mw":""}}`,
	"no object": `{"$acl":7}`,
	"null":      `{"$acl":null}`,
	"odd role":  `{"$acl":{"$r":["ann",7]}}`,
	"null role": `{"$acl":{"$r":null}}`,
	"no JSON":   `{"$acl":{"$r":"ann"`,
	"not ours":  `{"$acl":"$noSuchAcl"}`,
	"other key": `{"$ACL":{"$r":"root"},"$acl":{"$R":"root"}}`,
	"borrowed":  `{"$acl":"$systemStreamAcl"}`,
	"$sys":      "",
	"$opened":   `{"$acl":{"$r":"$all"}}`,
	"$lent":     `{"$acl":"$userStreamAcl"}`,
}

const (
	everything = "read subscribe append batch delete tombstone read-metadata write-metadata"
)

// granted says who may do what, besides root, who may do everything.
var granted = map[string]map[string]string{
	"open":      {"ann": everything, "bob": everything, "op": everything, "eve": everything},
	"ann's":     {"ann": everything},
	"team's":    {"ann": everything, "bob": without("append", "batch"), "eve": without("read", "subscribe"), "op": without("append", "batch", "read", "subscribe")},
	"other key": {"ann": everything, "bob": everything, "op": everything, "eve": everything},
	"$opened":   {"ann": "read subscribe", "bob": "read subscribe", "op": "read subscribe", "eve": "read subscribe"},
	"$lent":     {"ann": everything, "bob": everything, "op": everything, "eve": everything},
	"$all":      {},
}

func TestWhoMayDoWhat(t *testing.T) {
	f := fortify(t, nil)
	for stream, acl := range streamsByACL {
		f.append(stream, esdb.Any{}, event(1))
		if acl != "" {
			f.describeRaw(stream, acl)
		}
		if granted[stream] == nil {
			granted[stream] = map[string]string{}
		}
	}
	head := f.server.Head()
	for stream, rights := range granted {
		for _, user := range []string{"", "ann", "bob", "eve", "op", "root"} {
			for name, attempt := range attempts {
				if stream == "$all" && name != "read" && name != "subscribe" {
					continue
				}
				want := user == "root" || may(rights[user], name)
				err := attempt(f.as(user), f.raw(), stream)
				if denied := status.Code(err) == codes.PermissionDenied; denied == want {
					t.Errorf("%q %s %q: %v, want allowed %t", user, name, stream, err, want)
				}
			}
		}
	}
	if f.server.Head() != head {
		t.Error("something was written")
	}
}

// Anonymous callers get what is given to everybody, when they are let in.
func TestAnonymous(t *testing.T) {
	f := fortify(t, func(o *logserver.Options) { o.Anonymous = true })
	f.append("open", esdb.Any{}, event(1))
	f.append("readable", esdb.Any{}, event(1))
	f.append("members", esdb.Any{}, event(1))
	f.append("$settings", esdb.Any{}, settings(`{"$userStreamAcl":{"$w":"writers","$d":"$admins","$mw":[],"$mr":"writers"},"$systemStreamAcl":{"$r":["ann","$admins"]}}`))
	f.describeRaw("members", `{"$acl":{"$r":["ann","bob",""]}}`)
	cases := []struct {
		user, attempt, stream string
		allowed               bool
	}{
		{"", "read", "open", true}, {"", "subscribe", "open", true},
		{"", "append", "open", false}, {"", "delete", "open", false}, {"", "write metadata", "open", false}, {"", "read metadata", "open", false},
		{"", "read", "members", false}, {"", "read", "$all", false}, {"", "read", "$settings", false},
		{"eve", "append", "open", true}, {"eve", "delete", "open", false}, {"eve", "read metadata", "open", true}, {"eve", "write metadata", "open", false},
		{"ann", "append", "open", false}, {"ann", "read", "$all", true}, {"ann", "read", "$settings", true}, {"ann", "append", "$settings", false},
		{"bob", "read", "$all", false}, {"bob", "read", "members", true}, {"root", "write metadata", "open", true},
	}
	for _, c := range cases {
		err := attempts[c.attempt](f.as(c.user), f.raw(), c.stream)
		if denied := status.Code(err) == codes.PermissionDenied; denied == c.allowed {
			t.Errorf("%q %s %q: %v, want allowed %t", c.user, c.attempt, c.stream, err, c.allowed)
		}
	}

	f.describeRaw("$all", `{"$acl":{"$r":"bob"}}`)
	if err := attempts["read"](f.as("bob"), f.raw(), "$all"); err != nil {
		t.Errorf("$all is opened to bob: %v", err)
	}

	for _, broken := range []string{`{"$userStreamAcl":{"$r":7}}`, `{"$userStreamAcl":"$systemStreamAcl"}`, `{"$userStreamAcl":null}`, `[]`, `{`} {
		f.append("$settings", esdb.Any{}, settings(broken))
		for _, user := range []string{"", "ann", "op"} {
			if err := attempts["read"](f.as(user), f.raw(), "open"); status.Code(err) != codes.PermissionDenied {
				t.Errorf("with the settings %s %q may read: %v", broken, user, err)
			}
		}
	}
}

// Settings that are deleted are those the server is built with.
func TestDeletedSettings(t *testing.T) {
	f := fortify(t, nil)
	f.append("open", esdb.Any{}, event(1))
	f.append("$settings", esdb.Any{}, settings(`{"$userStreamAcl":{"$r":"root"},"$systemStreamAcl":{"$r":"ann"}}`))
	read := func(stream string) error { return attempts["read"](f.as("ann"), f.raw(), stream) }
	wantStatus(t, read("open"), codes.PermissionDenied)
	if err := read("$all"); err != nil {
		t.Error(err)
	}
	if _, err := f.client.DeleteStream(f.ctx, "$settings", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, read("$all"), codes.PermissionDenied)
	if err := read("open"); err != nil {
		t.Error(err)
	}
}

func TestDeniedTrailer(t *testing.T) {
	f := fortify(t, nil)
	var trailer metadata.MD
	call, err := f.raw().Read(f.as("ann"), request(func(o *streams.ReadReq_Options) { ofAll(o) }), grpc.Trailer(&trailer))
	wantStatus(t, ended(call, err), codes.PermissionDenied)
	wantTrailers(t, trailer, map[string]string{"exception": "access-denied"})
}

// A link shows only what its reader may read.
func TestLinkToWhatIsDenied(t *testing.T) {
	f := fortify(t, nil)
	f.append("secret", esdb.Any{}, event(1))
	f.describeRaw("secret", `{"$acl":{"$r":"root"}}`)
	link := esdb.EventData{EventID: id(2), EventType: "$>", ContentType: esdb.ContentTypeBinary, Data: []byte("0@secret")}
	f.append("index", esdb.Any{}, link)
	for user, want := range map[string]bool{"root": true, "ann": false} {
		call, err := f.raw().Read(f.as(user), request(func(o *streams.ReadReq_Options) { source(o, "index"); o.ResolveLinks = true }))
		if err != nil {
			t.Fatal(err)
		}
		m, err := call.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if e := m.GetEvent(); e.GetLink() == nil || (e.GetEvent() != nil) != want {
			t.Errorf("%s: %v", user, e)
		}
	}
}

// describeRaw writes stream metadata as it stands.
func (w *world) describeRaw(stream, metadata string) {
	w.Helper()
	e := settings(metadata)
	e.EventType = "$metadata"
	w.append("$$"+stream, esdb.Any{}, e)
}

func settings(text string) esdb.EventData {
	return esdb.EventData{EventType: "$settings", ContentType: esdb.ContentTypeJson, Data: []byte(text)}
}

// without is everything but some attempts.
func without(names ...string) string {
	var left []string
	for _, name := range strings.Fields(everything) {
		if !slices.Contains(names, name) {
			left = append(left, name)
		}
	}
	return strings.Join(left, " ")
}

func may(rights, name string) bool {
	return slices.Contains(strings.Fields(rights), strings.ReplaceAll(name, " ", "-"))
}
