package eventstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/logserver"
)

// A log that takes less than we think says so itself.
func TestTheLogTakesLess(t *testing.T) { inBothWays(t, theLogTakesLess) }

func theLogTakesLess(t *testing.T, how way) {
	log, err := logserver.Open(logserver.Options{Dir: t.TempDir(), Addr: "127.0.0.1:0", MaxAppendSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	end := run(log)
	t.Cleanup(end)
	s := how.open(t, log.URL())
	_, err = s.Append(t.Context(), "note-1", 0, meta, notes("a", 1, 2, 3, 4, 5))
	if !errors.Is(err, domain.ErrAppendTooLarge) {
		t.Fatal(err)
	}
	if head, err := s.Head(t.Context()); head != 0 || err != nil {
		t.Fatal(head, err)
	}
}

// A log without room says so, and is read as before.
func TestTheLogIsFull(t *testing.T) { inBothWays(t, theLogIsFull) }

func theLogIsFull(t *testing.T, how way) {
	log, err := logserver.Open(logserver.Options{Dir: t.TempDir(), Addr: "127.0.0.1:0", DiskReserve: math.MaxUint64})
	if err != nil {
		t.Fatal(err)
	}
	end := run(log)
	t.Cleanup(end)
	s := how.open(t, log.URL())
	if _, err := s.Append(t.Context(), "note-1", 0, meta, notes("a", 1)); !errors.Is(err, domain.ErrLogFull) {
		t.Error(err)
	}
	if all, err := s.Read(t.Context(), "note-1", 0); err != nil || len(all) > 0 {
		t.Error(all, err)
	}
}

// A stream that was ended for good refuses everything, for good.
func TestAStreamHasEnded(t *testing.T) { inBothWays(t, aStreamHasEnded) }

func aStreamHasEnded(t *testing.T, how way) {
	log, s := how.both(t)
	fill(t, s, 1)
	if _, err := rawClient(t, log.URL()).TombstoneStream(t.Context(), "note-0", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "note-0", 1, meta, notes("a", 1)); !errors.Is(err, ErrLogRefused) {
		t.Error(err)
	}
	if _, err := s.Read(t.Context(), "note-0", 0); !errors.Is(err, ErrLogRefused) {
		t.Error(err)
	}
}

// What is said of an append must never be more than is known.
func TestWhatIsKnownOfAnAppend(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"nothing failed":                   {nil, nil},
		"no server was found":              {domain.ErrLogUnavailable.Because(context.DeadlineExceeded), domain.ErrLogUnavailable},
		"time ran out":                     {context.DeadlineExceeded, domain.ErrOutcomeUnknown},
		"the caller left":                  {context.Canceled, domain.ErrOutcomeUnknown},
		"the connection broke":             {status.Error(codes.Unavailable, "reset"), domain.ErrOutcomeUnknown},
		"the server gave up writing":       {status.Error(codes.Aborted, "timeout"), domain.ErrOutcomeUnknown},
		"the server failed":                {status.Error(codes.Unknown, "storage"), domain.ErrOutcomeUnknown},
		"the disk is full":                 {status.Error(codes.ResourceExhausted, "full"), domain.ErrLogFull},
		"it broke before all was sent":     {fmt.Errorf("could not send: %w", &esdb.Error{}), domain.ErrLogUnavailable},
		"it broke when the answer came":    {&esdb.Error{}, domain.ErrOutcomeUnknown},
		"something that nobody thought of": {errors.New("?"), domain.ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ofAppend(c.err); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
