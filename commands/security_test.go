package commands_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/security"
)

// A reader counts what is read of one stream.
type reader struct {
	commands.Log
	stream domain.StreamID
	events int
}

func (l *reader) Read(ctx context.Context, stream domain.StreamID, from uint64) ([]domain.Recorded, error) {
	events, err := l.Log.Read(ctx, stream, from)
	if stream == l.stream {
		l.events += 1 + len(events)
	}
	return events, err
}

// Strangers decide how long the stream is; how long must not matter to whoever adds
// to it, least of all to a process that has just started.
func TestALongHistoryOfRefusalsHoldsUpNone(t *testing.T) {
	log := &reader{Log: realLog(t), stream: security.Stream(domain.PlatformID)}
	seen := security.Observe{Kind: security.TokenRejected, Node: domain.PlatformID, Operation: "GET /x", Count: 1, First: time.Unix(1, 0), Last: time.Unix(2, 0)}
	const before = 4000
	facts := make([]domain.Proposed, before/2)
	for i := range 2 {
		for j := range facts {
			facts[j] = domain.Proposed{ID: uuid.New(), Event: security.Observed(seen)}
		}
		if _, err := log.Append(t.Context(), log.stream, uint64(i*len(facts)), plainly().Meta, facts); err != nil {
			t.Fatal(err)
		}
	}
	l := ledger(t, log)
	for i := range 2 {
		r, err := commands.Handle(t.Context(), l, "observeRefusals", seen, commands.SystemRequest("refused"))
		if err != nil || r.Revision != before+uint64(i) {
			t.Fatal(r, err)
		}
	}
	if _, err := commands.Handle(t.Context(), l, "observeRefusals", security.Observe{}, commands.SystemRequest("refused")); !errors.Is(err, security.ErrObservation) {
		t.Error(err)
	}
	if log.events != 0 {
		t.Errorf("%d events and reads of the stream", log.events)
	}
}

// A client decides how many tokens it takes back. Whoever takes everything from it,
// in a process that knows nothing yet, must not have to read about them.
func TestManyRevocationsDoNotKeepAClientAlive(t *testing.T) {
	log := &reader{Log: realLog(t)}
	l := ledger(t, log)
	r, err := give(t, l, "registerClient", newClient(), plainly())
	if err != nil {
		t.Fatal(err)
	}
	id := domain.ClientID(r.ID)
	for range 50 {
		back := client.RevokeToken{Client: id, JTI: uuid.NewString(), Expires: time.Now().Add(time.Minute)}
		if r, err := commands.Handle(t.Context(), l, "revokeToken", back, plainly()); err != nil || len(r.Events) != 1 {
			t.Fatal(r, err)
		}
	}
	log.stream = client.Stream(id)
	if _, err := give(t, ledger(t, log), "disableClient", client.Disable{Node: domain.PlatformID, Client: id}, plainly()); err != nil {
		t.Fatal(err)
	}
	if log.events != 2 {
		t.Errorf("%d, not one read of one event", log.events)
	}
	kept, err := log.Read(t.Context(), client.RevocationStream(id), 0)
	if err != nil || len(kept) != 50 {
		t.Error(len(kept), err)
	}
	if r, err := commands.Handle(t.Context(), l, "revokeToken", client.RevokeToken{Client: domain.ClientID(uuid.NewString()), JTI: "x", Expires: time.Now().Add(time.Minute)}, plainly()); !errors.Is(err, client.ErrNotFound) {
		t.Error(r, err)
	}
}

// What was seen again is another fact, in whichever process, and each follows the
// one before.
func TestObservationsFollowEachOther(t *testing.T) {
	log := realLog(t)
	seen := security.Observe{Kind: security.TokenRejected, Node: domain.PlatformID, Operation: "GET /x", Count: 1, First: time.Unix(1, 0), Last: time.Unix(2, 0)}
	for i := range 6 {
		l := ledger(t, log)
		for j := range 3 {
			r, err := commands.Handle(t.Context(), l, "observeRefusals", seen, commands.SystemRequest("refused"))
			if err != nil || r.Revision != uint64(3*i+j) || len(r.Events) != 1 {
				t.Fatal(r, err)
			}
		}
	}
	past, err := log.Read(t.Context(), security.Stream(domain.PlatformID), 0)
	if err != nil || len(past) != 18 || past[0].Meta.Actor.Type != "system" {
		t.Error(len(past), err)
	}
}
