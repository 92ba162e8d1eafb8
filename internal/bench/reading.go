package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	protobuf "google.golang.org/protobuf/proto"
)

const (
	readEvents = 200_000 // in the log that is read
	bulk       = 500     // events of an append that only fills a log
)

// benchRead reads the whole of $all through the official client, beside a server
// that sends one stored message again and again.
func benchRead(ctx context.Context, p plan) ([]result, error) {
	s, err := setUp(p)
	if err != nil {
		return nil, err
	}
	defer s.takeDown()
	if err := fill(ctx, s.address, readEvents); err != nil {
		return nil, err
	}
	parrot, address, err := startHelper("parrot", "")
	if err != nil {
		return nil, err
	}
	defer parrot.stop()
	return contest{"log, $all", "events/s", []contender{
		{"reeve's log", 0, func(ctx context.Context) (sample, error) { return readAll(ctx, s.address, s.log) }},
		{"a server that sends stored bytes", 0.9, func(ctx context.Context) (sample, error) { return readAll(ctx, address, parrot) }},
	}}.run(ctx, p.rounds)
}

// fill appends events as fast as the protocol allows.
func fill(ctx context.Context, address string, events int) error {
	client, err := dialLog(address)
	if err != nil {
		return err
	}
	defer client.Close()
	for done := 0; done < events; done += bulk {
		var batch [bulk]esdb.EventData
		for i := range batch {
			batch[i] = sampled()
		}
		stream := fmt.Sprint("fill-", done/(20*bulk)) // 10,000 events each
		if _, err := client.AppendToStream(ctx, stream, esdb.AppendToStreamOptions{}, batch[:]...); err != nil {
			return err
		}
	}
	return nil
}

// readAll is one turn: everything, once.
func readAll(ctx context.Context, address string, server *process) (sample, error) {
	client, err := dialLog(address)
	if err != nil {
		return sample{}, err
	}
	defer client.Close()
	before, began := server.cpu(), time.Now()
	stream, err := client.ReadAll(ctx, esdb.ReadAllOptions{}, readEvents)
	if err != nil {
		return sample{}, err
	}
	defer stream.Close()
	n := 0
	for {
		_, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sample{}, err
		}
		n++
	}
	if n != readEvents {
		return sample{}, fmt.Errorf("read %d events, want %d", n, readEvents)
	}
	took := time.Since(began)
	return sample{float64(n) / took.Seconds(), (server.cpu() - before).Seconds() / float64(n) * 1e6}, nil
}

// A parrot answers every read with one encoded event, as often as was asked for.
type parrot struct {
	streams.UnimplementedStreamsServer
	said []byte
}

// Read sends what was encoded once.
func (p *parrot) Read(r *streams.ReadReq, call streams.Streams_ReadServer) error {
	for range r.GetOptions().GetCount() {
		if err := call.SendMsg(p.said); err != nil {
			return err
		}
	}
	return nil
}

// storedEvent is an event like those that fill the log, encoded.
func storedEvent() ([]byte, error) {
	e, id := sampled(), uuid.NewString()
	return protobuf.Marshal(&streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id:               &shared.UUID{Value: &shared.UUID_String_{String_: id}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("fill-0")},
			StreamRevision:   1, PreparePosition: 1, CommitPosition: 1,
			Metadata:       map[string]string{"type": e.EventType, "content-type": "application/octet-stream", "created": strconv.FormatInt(time.Now().UnixNano()/100, 10)},
			CustomMetadata: e.Metadata, Data: e.Data,
		},
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: 1},
	}}})
}

// A verbatim codec sends bytes as they are, and treats all else as protobuf does.
type verbatim struct{ encoding.CodecV2 }

func (c verbatim) Marshal(v any) (mem.BufferSlice, error) {
	if b, ok := v.([]byte); ok {
		return mem.BufferSlice{mem.SliceBuffer(b)}, nil
	}
	return c.CodecV2.Marshal(v)
}

func serveParrot() error {
	said, err := storedEvent()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", os.Getenv(helperAddr))
	if err != nil {
		return fmt.Errorf("parrot server: %w", err)
	}
	const window, buffer = 4 << 20, 64 << 10 // as the log has them
	rpc := grpc.NewServer(grpc.ForceServerCodecV2(verbatim{encoding.GetCodecV2(proto.Name)}),
		grpc.InitialWindowSize(window/4), grpc.InitialConnWindowSize(window), grpc.ReadBufferSize(buffer), grpc.WriteBufferSize(buffer))
	streams.RegisterStreamsServer(rpc, &parrot{said: said})
	return rpc.Serve(listener)
}
