package logserver

import (
	"bytes"
	"regexp"
	"strings"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// filterWindow is the number of events considered between checkpoints when the
// caller leaves it to the server.
const filterWindow = 32

// A filter chooses events of $all by stream name or event type.
type filter struct {
	byType   bool
	prefixes [][]byte
	regex    *regexp.Regexp
	interval uint64 // considered events per checkpoint; 0 = the caller gave none
}

// newFilter reads FilterOptions. Expressions are RE2 and match anywhere.
func newFilter(o *api.ReadReq_Options_FilterOptions) (*filter, error) {
	f := &filter{}
	var e *api.ReadReq_Options_FilterOptions_Expression
	switch o.GetFilter().(type) {
	case *api.ReadReq_Options_FilterOptions_StreamIdentifier:
		e = o.GetStreamIdentifier()
	case *api.ReadReq_Options_FilterOptions_EventType:
		e, f.byType = o.GetEventType(), true
	default:
		return nil, invalid("the filter names neither streams nor event types")
	}
	if (len(e.GetPrefix()) > 0) == (e.GetRegex() != "") {
		return nil, invalid("a filter has either prefixes or a regular expression")
	}
	if err := f.window(o); err != nil {
		return nil, err
	}
	return f, f.express(e)
}

func (f *filter) express(e *api.ReadReq_Options_FilterOptions_Expression) (err error) {
	for _, p := range e.GetPrefix() {
		f.prefixes = append(f.prefixes, []byte(p))
	}
	if e.GetRegex() == "" {
		return nil
	}
	if f.regex, err = regexp.Compile(e.GetRegex()); err != nil {
		return invalid("the filter's regular expression is not RE2: " + err.Error())
	}
	return nil
}

func (f *filter) window(o *api.ReadReq_Options_FilterOptions) error {
	window := uint64(filterWindow)
	switch o.GetWindow().(type) {
	case *api.ReadReq_Options_FilterOptions_Max:
		if window = uint64(o.GetMax()); window == 0 {
			return invalid("the search window is zero")
		}
	case *api.ReadReq_Options_FilterOptions_Count:
	default:
		return invalid("the filter has no search window")
	}
	if planted("checkpoints-too-often") {
		window = 1
	}
	f.interval = window * uint64(o.GetCheckpointIntervalMultiplier())
	return nil
}

// passes says whether an event is chosen. No filter chooses all.
func (f *filter) passes(wire []byte) bool {
	if f == nil {
		return true
	}
	subject := streamOf(wire)
	if f.byType {
		d, err := decode(wire)
		if err != nil {
			return false
		}
		subject = d.kind
	}
	if f.regex != nil {
		return f.regex.Match(subject)
	}
	for _, p := range f.prefixes {
		if bytes.HasPrefix(subject, p) {
			return true
		}
	}
	return false
}

// visible hides from $all what was removed, and the records by which the server
// keeps its own accounts; a consumer of $all that saw them would feed on its
// own progress.
func visible(wire []byte) bool {
	if removed(wire) {
		return false
	}
	if bytes.IndexByte(wire, '$') < 0 { // as with nearly all, and a fraction of reading the fields
		return true
	}
	stream := streamOf(wire)
	if len(stream) == 0 || stream[0] != '$' {
		return true
	}
	name := string(stream)
	if name == "$epoch-information" {
		return false
	}
	group := strings.HasPrefix(name, "$persistentsubscription-$all::")
	return !group || !strings.HasSuffix(name, "-checkpoint") && !strings.HasSuffix(name, "-parked")
}
