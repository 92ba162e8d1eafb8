package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reeve-platform/reeve/domain"
)

// A log that has stopped reading takes no more appends at some point. Of those
// that it did not take it is known that they were not written.
func TestWhatWasNotTakenIsNotWritten(t *testing.T) {
	log, direct := both(t)
	w := newWire(t, log.Addr())
	s := way(true).hurried(t, w.url())
	if _, err := s.Append(t.Context(), "note-first", 0, meta, notes("a", 1)); err != nil {
		t.Fatal(err)
	}
	unmute := w.mute()
	defer func() { unmute() }()
	large := func() []domain.Proposed {
		return []domain.Proposed{{ID: uuid.New(), Event: Noted{Text: strings.Repeat("x", 900<<10)}}}
	}
	told := map[domain.StreamID]error{}
	for n := 0; ; n++ {
		stream := domain.StreamID(fmt.Sprint("note-large-", n))
		_, told[stream] = s.Append(t.Context(), stream, 0, meta, large())
		if errors.Is(told[stream], domain.ErrLogUnavailable) {
			break
		}
		if !errors.Is(told[stream], domain.ErrOutcomeUnknown) || n == 50 {
			t.Fatalf("after %d appends that nobody reads: %v", n, told[stream])
		}
	}
	unmute()
	unmute = func() {}
	until(t, func() (domain.Receipt, bool) {
		r, err := s.Append(t.Context(), "note-last", 0, meta, notes("z", 1))
		return r, err == nil
	})
	for stream, err := range told {
		got, readErr := direct.Read(t.Context(), stream, 0)
		if readErr != nil || len(got) > 0 && errors.Is(err, domain.ErrLogUnavailable) {
			t.Errorf("%s has %d events, and its sender was told %v; %v", stream, len(got), err, readErr)
		}
	}
}

// Whoever stops waiting is forgotten, and an answer that comes later finds nobody.
func TestALateAnswerFindsNobody(t *testing.T) {
	log, _ := both(t)
	w := newWire(t, log.Addr())
	s := way(true).open(t, w.url())
	if _, err := s.Append(t.Context(), "note-1", 0, meta, notes("a", 1)); err != nil {
		t.Fatal(err)
	}
	held := w.strand(t, 0)
	held.answers.Lock()
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := s.Append(ctx, "note-1", 1, meta, notes("a", 2))
		left <- err
	}()
	waiting := func() int {
		c := s.ferry.now
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.waiting)
	}
	until(t, func() (int, bool) { return 0, waiting() == 1 })
	leave()
	if err := <-left; !errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Errorf("left, and was told %v", err)
	}
	if n := waiting(); n != 0 {
		t.Errorf("%d are still waited for", n)
	}
	held.answers.Unlock()
	if r, err := s.Append(t.Context(), "note-1", 2, meta, notes("a", 3)); err != nil || r.Revision != 2 {
		t.Errorf("the next append: %+v, %v", r, err)
	}
}

// What is said of an append must never be more than is known.
func TestWhatIsKnownOfAnAnswer(t *testing.T) {
	for code, want := range map[codes.Code]error{
		codes.AlreadyExists: domain.ErrRaced, codes.InvalidArgument: domain.ErrAppendTooLarge, codes.ResourceExhausted: domain.ErrLogFull,
		codes.FailedPrecondition: ErrLogRefused, codes.PermissionDenied: ErrLogRefused, codes.Unauthenticated: ErrLogRefused,
		codes.DeadlineExceeded: domain.ErrOutcomeUnknown, codes.Unknown: domain.ErrOutcomeUnknown, codes.Unavailable: domain.ErrOutcomeUnknown,
	} {
		if got := ofAnswer(status.New(code, "?")); !errors.Is(got, want) {
			t.Errorf("%v: got %v, want %v", code, got, want)
		}
	}
	for code, want := range map[codes.Code]error{
		codes.Unavailable: domain.ErrLogUnavailable, codes.Canceled: domain.ErrLogUnavailable,
		codes.Unimplemented: ErrLogRefused, codes.PermissionDenied: ErrLogRefused,
	} {
		if got := ofCall(status.Error(code, "?")); !errors.Is(got, want) {
			t.Errorf("not taken, %v: got %v, want %v", code, got, want)
		}
	}
}
