package logserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
)

// A nullServer takes appends and keeps nothing: the cost of the protocol alone.
type nullServer struct {
	streams.UnimplementedStreamsServer
	head atomic.Uint64
}

func (n *nullServer) Append(call streams.Streams_AppendServer) error {
	for {
		if _, err := call.Recv(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	at := n.head.Add(1)
	return call.SendAndClose(&streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: at},
		PositionOption:        &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: at, PreparePosition: at}},
	}}})
}

// childNull makes this test binary a null server. Its clients take the missing
// server features for an old server's.
const childNull = "LOGSERVER_TEST_CHILD_NULL"

func childNullServer() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	rpc := grpc.NewServer()
	streams.RegisterStreamsServer(rpc, &nullServer{})
	fmt.Println("esdb://" + listener.Addr().String() + "?tls=false")
	if rpc.Serve(listener) != nil {
		return 1
	}
	return 0
}

var payload = bytes.Repeat([]byte("x"), 400)

func sample(n int) []esdb.EventData {
	var all []esdb.EventData
	for range n {
		all = append(all, esdb.EventData{EventID: uuid.New(), EventType: "Sampled", ContentType: esdb.ContentTypeJson, Data: payload, Metadata: payload[:120]})
	}
	return all
}

// BenchmarkAppend shows synced appends of one event beside a server that
// keeps nothing, each in a process of its own; the ratio of the two is what
// storage costs.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("null/%d", callers), func(b *testing.B) {
			_, url := spawn(b, childNull, "yes")
			appendAll(b, url, callers)
		})
		b.Run(fmt.Sprintf("log/%d", callers), func(b *testing.B) {
			_, url := spawn(b, childDir, b.TempDir())
			appendAll(b, url, callers)
		})
	}
}

func appendAll(b *testing.B, url string, callers int) {
	client := connect(b, url)
	var caller atomic.Int64
	b.SetParallelism(max(1, callers/2))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		stream := fmt.Sprint("s", caller.Add(1))
		for pb.Next() {
			if _, err := client.AppendToStream(context.Background(), stream, esdb.AppendToStreamOptions{}, sample(1)...); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkReadAll reads 200,000 events of $all through the official client,
// from the disk and then from memory.
func BenchmarkReadAll(b *testing.B) {
	dir := b.TempDir()
	s := serve(b, dir)
	client := connect(b, s.URL())
	const total = 200_000
	for n := 0; n < total; n += 500 {
		stream := fmt.Sprint("s", n%5000)
		if _, err := client.AppendToStream(context.Background(), stream, esdb.AppendToStreamOptions{}, sample(500)...); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for range b.N {
		r, err := client.ReadAll(context.Background(), esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64)
		if err != nil {
			b.Fatal(err)
		}
		if n := drain(b, r); n != total {
			b.Fatalf("%d events", n)
		}
	}
	b.ReportMetric(float64(total*b.N)/b.Elapsed().Seconds(), "events/s")
}

func drain(b *testing.B, r *esdb.ReadStream) (n int) {
	b.Helper()
	defer r.Close()
	for {
		_, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
}
