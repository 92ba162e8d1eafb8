package logserver

import (
	"time"

	"google.golang.org/grpc/codes"
)

// stallChecks is how often a subscriber is looked at within its patience.
const stallChecks = 4

// rightsLookedAt is how often a subscription's right to read is looked at while
// nothing is sent.
const rightsLookedAt = time.Second

var errStalled = refuse(codes.ResourceExhausted, "the subscriber did not read for too long", "exception", "subscriber-stalled")

// attend serves a read and drops it when its caller stops reading. Sending blocks
// then and cannot be interrupted from inside, so it happens beside the call: ending
// the call ends the sending.
func (s *streamsService) attend(out *sender, serve func(*readCall, *sender) error) error {
	ended := make(chan error, 1)
	s.readers.Go(func() { ended <- serve(out.asked, out) })
	tick := time.NewTicker(s.stall / stallChecks)
	defer tick.Stop()
	rights := time.NewTicker(rightsLookedAt) // a silent subscription must hear of it, too
	defer rights.Stop()
	idle, last := 0, uint64(0)
	for {
		select {
		case err := <-ended:
			return err
		case <-rights.C:
			if err := out.may(); err != nil {
				return err
			}
			continue
		case <-tick.C:
		}
		taken := out.ended.Load()
		if out.begun.Load() == taken || taken != last {
			idle, last = 0, taken
			continue
		}
		if idle++; idle >= stallChecks {
			return errStalled
		}
	}
}
