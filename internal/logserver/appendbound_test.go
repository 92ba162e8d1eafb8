package logserver

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// proposedEvent is the encoded ProposedMessage of an event without data.
func proposedEvent(kind string) []byte {
	b := appendBytesField(nil, 1, appendStringField(nil, uuidString, uuid.NewString()))
	entry := func(b []byte, key, value string) []byte {
		return appendStringField(b, 2, string(appendStringField(appendStringField(nil, mapKey, key), mapValue, value)))
	}
	return entry(entry(b, keyType, kind), keyContentType, typeBinary)
}

// Events that say nothing are bounded too, and so is a long name said once and
// stored with each.
func TestAppendHoldsABoundedAmount(t *testing.T) {
	const limit = 1 << 10
	for name, a := range map[string]*appendCall{
		"events without a byte": {limit: limit, stream: "s"},
		"a long name":           {limit: limit, stream: strings.Repeat("s", 4*limit)},
		"a name beyond bounds":  {limit: limit, stream: strings.Repeat("s", 32*limit)},
	} {
		var err error
		held, accepted := 0, 0
		for err == nil && accepted < 10*limit {
			if err = a.propose(proposedEvent("")); err == nil {
				accepted, held = accepted+1, held+len(a.events[len(a.events)-1].fields)
			}
		}
		if status.Code(err) != codes.InvalidArgument || exception(err) != appendSizeExceeded {
			t.Errorf("%s: %d events, then %v", name, accepted, err)
		}
		if held > encodedFactor*limit || a.events != nil {
			t.Errorf("%s: %d events of %d bytes were held", name, accepted, held)
		}
	}
}

// A record that the protocol's own decoder refuses would end every subscription
// that comes to it, for ever.
func TestTypesAreText(t *testing.T) {
	a := &appendCall{limit: 1 << 10, stream: "s"}
	if err := a.propose(proposedEvent("größe-🧾")); err != nil {
		t.Error(err)
	}
	for _, kind := range []string{"\xff", "T\xc3", "\xed\xa0\x80"} {
		if err := a.propose(proposedEvent(kind)); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

// A long name is received once and held with each event; the call's bound counts
// what is held.
func TestBatchCountsWhatItHolds(t *testing.T) {
	c := chunk{options: append(appendStreamField(nil, 1, strings.Repeat("s", 1<<10)), 0x22, 0)}
	for range 100 {
		c.events = append(c.events, proposedEvent("T"))
	}
	a := newBatch(c, 1<<20)
	if a.add(c, 8<<10); a.refused != nil || a.bytes < 100<<10 {
		t.Errorf("%d bytes are counted, %v", a.bytes, a.refused)
	}
}

// A field that has an expectation's number and is of another type says nothing: an
// exact expectation is not weakened by it.
func TestExpectationsOfAnotherTypeAreNone(t *testing.T) {
	exactly := appendVarintField(appendStreamField(nil, 1, "s"), 2, 7)
	for name, more := range map[string][]byte{
		"any as a number": {0x20, 1}, "no stream as a number": {0x18, 1}, "exists as a fixed number": {0x2d, 1, 2, 3, 4},
		"a revision as bytes": {0x12, 1, 9}, "a revision as a fixed number": {0x11, 1, 2, 3, 4, 5, 6, 7, 8},
	} {
		a := &appendCall{limit: 1 << 10}
		if err := a.options(append(exactly[:len(exactly):len(exactly)], more...)); err != nil || a.expected != 7 {
			t.Errorf("%s: %d, %v", name, a.expected, err)
		}
		if err := new(appendCall).options(append(appendStreamField(nil, 1, "s"), more...)); err == nil {
			t.Errorf("%s alone is an expectation", name)
		}
	}
}
