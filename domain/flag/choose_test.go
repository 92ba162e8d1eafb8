package flag

import (
	"encoding/json"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// Whoever evaluates in memory does so millions of times a second: finding what a
// layer says must leave nothing behind.
func TestChoosingDoesNotAllocate(t *testing.T) {
	list := func(texts ...string) (raws []json.RawMessage) {
		for _, s := range texts {
			raws = append(raws, json.RawMessage(s))
		}
		return raws
	}
	s := Setting{Value: json.RawMessage(`true`)}
	for op, with := range map[Operator][]json.RawMessage{
		In: list(`"a"`), StartsWith: list(`"a"`), Matches: list(`"^x+$"`), GT: list(`1e9`), Before: list(`"2001-01-01T00:00:00Z"`),
		SemverLT: list(`"0.0.1"`), CIDR: list(`"10.0.0.0/8"`),
	} {
		for _, name := range []string{"key", "tenant", "n", "at", "version", "ip", "list"} {
			s.Rules = append(s.Rules, Rule{When: []Condition{{Attribute: name, Op: op, Values: with}}, Serving: Serving{Value: json.RawMessage(`false`)}})
		}
	}
	s.Split = &Split{By: "n", Shares: []Share{{Serving{Value: json.RawMessage(`1`)}, 50}, {Serving{Value: json.RawMessage(`2`)}, Whole - 50}}, Steps: []Step{{Weights: []uint32{100, 0}}}}
	l := s.Layer(domain.PlatformLevel, domain.PlatformID)
	in := &Input{Context: &Context{Key: "somebody", Tenant: "5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11", Attributes: map[string]any{
		"n": 5.0, "at": "2026-06-01T12:00:00.5+05:45", "version": "1.2.3-rc.1", "ip": "192.168.0.1", "list": []any{"x", "y", 1.0},
	}}}
	l.choose("flag", in)
	if n := testing.AllocsPerRun(100, func() { l.choose("flag", in) }); n != 0 && !raced {
		t.Errorf("%v allocations", n)
	}
}
