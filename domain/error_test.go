package domain_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
)

var errFull = &domain.Error{Kind: domain.Exhausted, Code: "full", Detail: "there is no room"}

func TestAnErrorWithParticularsIsStillItself(t *testing.T) {
	for name, err := range map[string]error{
		"another detail":       errFull.With("there is no room for 3 more"),
		"a cause":              errFull.Because(io.EOF),
		"a place":              errFull.At("/seats", "at most 5"),
		"all of it":            errFull.With("no").Because(io.EOF).At("/seats", "at most 5"),
		"wrapped by a caller":  fmt.Errorf("seat 4: %w", errFull),
		"a copy from far away": &domain.Error{Code: "full"},
	} {
		t.Run(name, func(t *testing.T) {
			if !errors.Is(err, errFull) {
				t.Fatal(err)
			}
		})
	}
	if errors.Is(errFull, &domain.Error{Kind: domain.Exhausted, Code: "empty", Detail: errFull.Detail}) {
		t.Fatal("taken for another code")
	}
	if errors.Is(errFull, io.EOF) {
		t.Fatal("taken for somebody else's error")
	}
}

func TestParticularsLeaveTheDeclarationAlone(t *testing.T) {
	first := errFull.At("/a", "no")
	second, third := first.At("/b", "no"), first.At("/c", "no")
	if errFull.Fields != nil || errFull.Err != nil || errFull.Detail != "there is no room" {
		t.Fatalf("%+v", errFull)
	}
	for _, c := range []struct {
		e    *domain.Error
		want []domain.FieldError
	}{
		{first, []domain.FieldError{{Pointer: "/a", Detail: "no"}}},
		{second, []domain.FieldError{{Pointer: "/a", Detail: "no"}, {Pointer: "/b", Detail: "no"}}},
		{third, []domain.FieldError{{Pointer: "/a", Detail: "no"}, {Pointer: "/c", Detail: "no"}}},
	} {
		if diff := cmp.Diff(c.want, c.e.Fields); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestAnErrorTellsItsCause(t *testing.T) {
	if got, want := errFull.Error(), "full: there is no room"; got != want {
		t.Fatal(got)
	}
	err := errFull.With("no room").Because(io.EOF)
	if got, want := err.Error(), "full: no room: EOF"; got != want {
		t.Fatal(got)
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal("the cause is lost")
	}
}

func TestKindOf(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want domain.Kind
	}{
		"ours":             {errFull, domain.Exhausted},
		"ours, wrapped":    {fmt.Errorf("x: %w", errFull), domain.Exhausted},
		"ours, as a cause": {domain.ErrRaced.Because(errFull), domain.Conflict},
		"somebody else's":  {io.EOF, domain.Internal},
		"none at all":      {nil, domain.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			if got := domain.KindOf(c.err); got != c.want {
				t.Fatal(got)
			}
		})
	}
}
