package logserver

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// A frame is a message in its wire form: read without being decoded, or sent
// as it was stored.
type frame struct{ wire []byte }

// A loan is a message in its wire form that is valid until the next one is received
// into the same loan, because its memory belongs to the transport.
type loan struct {
	wire []byte
	lent mem.BufferSlice
}

func (l *loan) take(data mem.BufferSlice) {
	l.release()
	if len(data) != 1 {
		l.wire = data.Materialize()
		return
	}
	data.Ref()
	l.wire, l.lent = data[0].ReadOnlyData(), data
}

// release gives the memory back.
func (l *loan) release() {
	l.lent.Free()
	l.wire, l.lent = nil, nil
}

// A wireCodec lets frames pass and treats all else as protobuf does.
type wireCodec struct{ encoding.CodecV2 }

func newWireCodec() wireCodec { return wireCodec{encoding.GetCodecV2(proto.Name)} }

func (c wireCodec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		return mem.BufferSlice{mem.SliceBuffer(f.wire)}, nil
	}
	return c.CodecV2.Marshal(v)
}

func (c wireCodec) Unmarshal(data mem.BufferSlice, v any) error {
	switch m := v.(type) {
	case *frame:
		m.wire = data.Materialize()
		return nil
	case *loan:
		m.take(data)
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}
