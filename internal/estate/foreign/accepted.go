package foreign

import (
	"encoding/json"
	"fmt"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// accepted asks the rules of the house whether the flag can be defined, and whether
// the platform can say that about it. Where it cannot say that, the flag is left off.
func (s *sketch) accepted() bool {
	s.shorten()
	d := s.flag.Definition
	define := flag.Define{Key: s.flag.Key, Type: d.Type, Default: d.Default, Off: d.Off, Variants: d.Variants, Description: d.Description, Tags: d.Tags, Exposed: d.Exposed}
	defined, err := define.Decide(flag.Flag{}, domain.Meta{})
	if err == nil {
		err = bound(define)
	}
	if err != nil {
		s.lose("", "it cannot be defined: "+said(err), "the flag is left out")
		return false
	}
	if o := s.flag.Override; o != nil {
		if err := sayable(*o, defined[0]); err != nil {
			s.flag.Override, s.flag.Default = nil, s.flag.Off
			s.off("", "what it says to whom cannot be said: "+said(err))
		}
	}
	return true
}

// sayable asks for everything but whether the segments are there.
func sayable(o flag.Override, defined domain.Event) error {
	ladder := flag.Ladder{}.Evolve(defined)
	for _, k := range (flag.Setting{Rules: o.Rules}).Segments() {
		ladder = ladder.Evolve(flag.SegmentDefined{Segment: k})
	}
	if _, err := o.Decide(ladder, domain.Meta{}); err != nil {
		return err
	}
	return bound(o)
}

// bound asks whether the API takes a command, whose limits are on its members.
func bound[C any](c C) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	return edge.BindObject(members)(new(C))
}

// Limits of what people are told about a flag.
const (
	maxDescription = 2000 // letters
	maxTags        = 50
)

func (s *sketch) shorten() {
	if text := []rune(s.flag.Description); len(text) > maxDescription {
		s.flag.Description = string(text[:maxDescription])
		s.lose("description", fmt.Sprintf("it has more than %d letters", maxDescription), "it is cut there")
	}
	if len(s.flag.Tags) > maxTags {
		s.flag.Tags = s.flag.Tags[:maxTags]
		s.lose("tags", fmt.Sprintf("there are more than %d", maxTags), "the others are left out")
	}
}

// said is an error for a report.
func said(err error) string {
	e, ok := domain.AsError(err)
	if !ok || len(e.Fields) == 0 {
		return err.Error()
	}
	return e.Fields[0].Pointer + " " + e.Fields[0].Detail
}
