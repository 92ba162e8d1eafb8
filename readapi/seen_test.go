package readapi_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/readapi"
)

// Much of the log is none of the book's business. Whoever carries a position that the
// models were shown needs neither the log nor patience, and is told of that position.
func TestOFREPKnowsWhatItWasShown(t *testing.T) {
	s, err := readapi.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?sslmode=disable", func(context.Context) (uint64, error) {
		return 0, &domain.Error{Kind: domain.Unavailable, Code: "no-log"}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Settled = func(context.Context, uint64) error { return &domain.Error{Kind: domain.Unavailable, Code: "behind"} }
	s.Seen = func() uint64 { return 9 }
	for i, e := range []domain.Event{platform.Established{Node: domain.PlatformID}, flag.Defined{Flag: "colour", Definition: flag.Definition{Type: flag.String, Default: raw(`"red"`), Off: raw(`"off"`)}}} {
		if err := s.Flags.Apply(domain.Recorded{Event: e, Position: uint64(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	for least, want := range map[string]int{"": 200, "2": 200, "9": 200, "10": 503} {
		r := httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags", strings.NewReader("{}"))
		if least != "" {
			r.Header.Set("Reeve-Min-Position", least)
		}
		rec := httptest.NewRecorder()
		ofrep(s, everything, time.Now).ServeHTTP(rec, r)
		if rec.Code != want || want == 200 && rec.Header().Get("Reeve-Position") != "9" {
			t.Errorf("at least %q: %d %s %v", least, rec.Code, rec.Body, rec.Header())
		}
	}
}

// So do explanations of access: a fact that changes nothing about it is not waited for.
func TestAnExplanationIsAsNewAsWhatItWasShown(t *testing.T) {
	w := staffed(t)
	w.source.Settled = func(context.Context, uint64) error { return &domain.Error{Kind: domain.Unavailable, Code: "behind"} }
	w.source.Seen = func() uint64 { return w.last + 3 }
	for _, e := range readapi.Catalog {
		if e.Name != "nodeAccess" {
			continue
		}
		for least, want := range map[uint64]error{0: nil, w.last + 3: nil, w.last + 4: readapi.ErrBeyondHead} {
			answer, err := e.Call(t.Context(), w.source, func(dst any) error {
				*dst.(*readapi.ExplainAccess) = readapi.ExplainAccess{Node: domain.NodeID(north), Principal: string(anna), Permission: domain.TenantRead}
				return nil
			}, edge.Request{Scope: everywhere, MinPosition: least})
			if !errors.Is(err, want) || want == nil && answer.Position != w.last+3 {
				t.Errorf("at least %d: %d, %v", least, answer.Position, err)
			}
		}
	}
}
