package logserver_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// The official client with credentials in its connection string and per call.
func TestOfficialClientWithCredentials(t *testing.T) {
	f := fortify(t, nil)
	f.append("open", esdb.Any{}, events(0, 3)...)
	if n := len(f.readAll(esdb.ReadAllOptions{}, 10)); n != 3 {
		t.Errorf("root reads %d events of $all", n)
	}
	ann := connect(t, f.url("ann"))
	mine := esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}
	if _, err := ann.AppendToStream(f.ctx, "open", mine, event(4)); err != nil {
		t.Fatal(err)
	}
	sub, err := ann.SubscribeToStream(f.ctx, "open", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	if e := sub.Recv().EventAppeared; e == nil || e.OriginalEvent().EventNumber != 0 {
		t.Errorf("subscribed, got %v", e)
	}
	if err := sub.Close(); err != nil {
		t.Error(err)
	}
	_, err = ann.AppendToStream(f.ctx, "$sys", mine, event(5))
	f.wantCode(err, esdb.ErrorCodeAccessDenied)
	asRoot := mine
	asRoot.Authenticated = &esdb.Credentials{Login: "root", Password: password("root")}
	if _, err = ann.AppendToStream(f.ctx, "$sys", asRoot, event(5)); err != nil {
		t.Errorf("as root for one call: %v", err)
	}
	wrong := mine
	wrong.Authenticated = &esdb.Credentials{Login: "root", Password: "guess"}
	_, err = ann.AppendToStream(f.ctx, "open", wrong, event(6))
	f.wantCode(err, esdb.ErrorCodeUnauthenticated)
	nobody := connect(t, f.url(""))
	_, err = nobody.AppendToStream(f.ctx, "open", mine, event(7))
	f.wantCode(err, esdb.ErrorCodeAccessDenied)

	discovered := connect(t, strings.Replace(f.url("ann"), "esdb://", "esdb+discover://", 1))
	if _, err := discovered.AppendToStream(f.ctx, "open", mine, event(8)); err != nil {
		t.Errorf("found by gossip: %v", err)
	}
}

// Whoever is turned away while it still sends is told why all the same.
func TestRefusedWhileSending(t *testing.T) {
	f := fortify(t, nil)
	nobody := connect(t, f.url(""))
	for range 50 {
		_, err := nobody.AppendToStream(f.ctx, "open", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, events(0, 40)...)
		f.wantCode(err, esdb.ErrorCodeAccessDenied)
		_, err = nobody.SubscribeToPersistentSubscription(f.ctx, "open", "group", esdb.SubscribeToPersistentSubscriptionOptions{})
		f.wantCode(err, esdb.ErrorCodeAccessDenied)
	}
}

func TestHostileCredentials(t *testing.T) {
	f := fortify(t, nil)
	f.append("open", esdb.Any{}, event(1))
	headers := map[string]string{
		"wrong password":      basic("ann", "guess"),
		"somebody else's":     basic("ann", password("root")),
		"empty password":      basic("ann", ""),
		"unknown user":        basic("nobody", "nobodynobody"),
		"empty name":          basic("", "x"),
		"no colon":            "Basic YW5u",
		"not base64":          "Basic ann:annann",
		"nothing":             "",
		"scheme only":         "Basic",
		"another scheme":      "Bearer " + strings.TrimPrefix(basic("root", password("root")), "Basic "),
		"huge":                basic("ann", strings.Repeat("x", 40<<10)),
		"longer than bcrypt":  basic("ann", password("ann")+strings.Repeat("\x00", 70)),
		"a group":             basic("$admins", "x"),
		"zero in the name":    basic("ann\x00", password("ann")),
		"the hash":            basic("ann", "$2a$04$"),
		"colon in front":      basic(":ann", password("ann")),
		"url-safe characters": "Basic YW5uOi8_Pz8=",
	}
	for name, header := range headers {
		err := attempts["read"](f.with(header), f.raw(), "open")
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "ann") || strings.Contains(err.Error(), "guess")) {
			t.Errorf("%s: the refusal says too much: %v", name, err)
		}
	}
	twice := metadata.AppendToOutgoingContext(f.as("ann"), "authorization", basic("root", "x"))
	wantStatus(t, attempts["read"](twice, f.raw(), "open"), codes.Unauthenticated)
	for name, header := range map[string]string{"right": basic("ann", password("ann")), "small letters": strings.Replace(basic("ann", password("ann")), "Basic", "basic", 1)} {
		if err := attempts["read"](f.with(header), f.raw(), "open"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := attempts["read"](f.with(strings.Repeat("x", 1<<20)), f.raw(), "open"); err == nil {
		t.Error("a megabyte of header is fine")
	}
}

// Guessing is stopped; who is known already goes on working beside it.
func TestGuessing(t *testing.T) {
	f := fortify(t, nil)
	f.append("open", esdb.Any{}, event(1)) // root is verified by this
	for range 50 {
		wantStatus(t, attempts["read"](f.with(basic("bob", "guess")), f.raw(), "open"), codes.Unauthenticated)
	}
	wantStatus(t, attempts["read"](f.as("bob"), f.raw(), "open"), codes.Unauthenticated)
	f.append("open", esdb.Any{}, event(2))
	f.until("bob is let in again", func() bool { return attempts["read"](f.as("bob"), f.raw(), "open") == nil })
}

// What clients ask before they know who they are.
func TestOpenToAnybody(t *testing.T) {
	f := fortify(t, nil)
	m, err := serverfeatures.NewServerFeaturesClient(f.conn).GetSupportedMethods(f.ctx, &shared.Empty{})
	if err != nil || len(m.Methods) == 0 {
		t.Errorf("features: %v, %v", m, err)
	}
	g, err := gossip.NewGossipClient(f.conn).Read(f.ctx, &shared.Empty{})
	if err != nil || g.Members[0].HttpEndPoint.Address != "localhost" {
		t.Errorf("gossip: %v, %v", g, err)
	}
	_, err = serverfeatures.NewServerFeaturesClient(f.conn).GetSupportedMethods(f.with(basic("ann", "guess")), &shared.Empty{})
	wantStatus(t, err, codes.Unauthenticated)
}

// The file is read again, the cache is emptied, and calls under way hear of it.
func TestUsersChange(t *testing.T) {
	var said journal
	f := fortify(t, func(o *logserver.Options) { o.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
	f.append("open", esdb.Any{}, event(1))
	read := func(user string) error { return attempts["read"](f.as(user), f.raw(), "open") }
	if err := read("ann"); err != nil {
		t.Fatal(err)
	}
	batch, err := f.raw().BatchAppend(f.as("ann"))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := connect(t, f.url("ann")).SubscribeToStream(f.ctx, "open", esdb.SubscribeToStreamOptions{From: esdb.End{}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, f.users, userLine("root", "$admins")+userLine("new", "")+"no line of a users file\n")
	f.until("the file is found wrong", func() bool { return said.holds("line 3") })
	if read("new") == nil || read("ann") != nil {
		t.Error("a wrong file counts")
	}
	if err := logserver.SetUser(f.users, "x", []byte("y"), nil); err == nil {
		t.Error("a broken file was edited")
	}
	write(t, f.users, userLine("root", "$admins")+userLine("new", ""))
	f.until("ann is gone", func() bool { return status.Code(read("ann")) == codes.Unauthenticated })
	f.until("new is there", func() bool { return read("new") == nil })
	for {
		if dropped := sub.Recv().SubscriptionDropped; dropped != nil {
			wantStatus(t, dropped.Error, codes.Unauthenticated)
			break
		}
	}
	_ = batch.Send(&batchReq{CorrelationId: textID(1), Options: batchTo("open", nil), IsFinal: true})
	_, err = batch.Recv()
	wantStatus(t, err, codes.Unauthenticated)
}

// A journal is what the server reports.
type journal struct {
	mu   sync.Mutex
	text []byte
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text = append(j.text, b...)
	return len(b), nil
}

func (j *journal) holds(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(string(j.text), text)
}

// A right that is taken away ends a subscription before anything newer is sent.
func TestSubscriptionLosesItsRight(t *testing.T) {
	f := fortify(t, nil)
	f.append("open", esdb.Any{}, event(1))
	ann := connect(t, f.url("ann"))
	sub, err := ann.SubscribeToStream(f.ctx, "open", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	if e := sub.Recv().EventAppeared; e == nil {
		t.Fatal("no event")
	}
	f.describeRaw("open", `{"$acl":{"$r":"root"}}`)
	f.append("open", esdb.Any{}, event(2))
	for {
		e := sub.Recv()
		if e.EventAppeared != nil {
			t.Fatalf("got %v", e.EventAppeared.OriginalEvent().EventNumber)
		}
		if e.SubscriptionDropped != nil {
			wantStatus(t, e.SubscriptionDropped.Error, codes.PermissionDenied)
			return
		}
	}
}
