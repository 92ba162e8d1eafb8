package logserver

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/mem"
)

// A countingPool counts what comes back to it.
type countingPool struct{ back int }

func (p *countingPool) Get(n int) *[]byte { b := make([]byte, n); return &b }
func (p *countingPool) Put(*[]byte)       { p.back++ }

// A message on loan is there until the next one is received, although who brought it
// lets go of it at once, and its memory goes back exactly once.
func TestLoansAreGivenBack(t *testing.T) {
	pool, codec := &countingPool{}, newWireCodec()
	receive := func(l *loan, fill byte) {
		b := bytes.Repeat([]byte{fill}, 4096)
		data := mem.BufferSlice{mem.NewBuffer(&b, pool)}
		if err := codec.Unmarshal(data, l); err != nil {
			t.Fatal(err)
		}
		data.Free()
		if !bytes.Equal(l.wire, bytes.Repeat([]byte{fill}, 4096)) {
			t.Errorf("message %d is not what was sent", fill)
		}
	}
	var l loan
	for n := range 3 {
		receive(&l, byte(n+1))
		if pool.back != n {
			t.Errorf("after message %d, %d are given back, want %d", n+1, pool.back, n)
		}
	}
	l.release()
	l.release()
	if pool.back != 3 {
		t.Errorf("%d of 3 messages are given back", pool.back)
	}
}

// A message in several pieces is put together.
func TestLoansInPieces(t *testing.T) {
	var l loan
	if err := newWireCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer("ab"), mem.SliceBuffer("c")}, &l); err != nil || string(l.wire) != "abc" {
		t.Errorf("%q, %v", l.wire, err)
	}
	l.release()
}
