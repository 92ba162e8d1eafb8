package logserver

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// An append whose deadline passes while the disk hangs is answered with a
// timeout, once, and may be there afterwards; the call goes on.
func TestBatchDeadlineWhileTheDiskHangs(t *testing.T) {
	var hang atomic.Bool
	free := make(chan struct{})
	files := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if hang.Load() && op.Kind == errorfs.OpFileSyncData && strings.HasSuffix(op.Path, ".log") {
			<-free
		}
		return nil
	}))
	s, _ := served(t, t.TempDir(), files)
	defer s.Close()
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	call, err := api.NewStreamsClient(conn).BatchAppend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	say := func(n string, patience time.Duration) *api.BatchAppendResp {
		t.Helper()
		id := &shared.UUID{Value: &shared.UUID_String_{String_: "00000000-0000-4000-8000-00000000000" + n}}
		err := call.Send(&api.BatchAppendReq{CorrelationId: id, IsFinal: true,
			Options: &api.BatchAppendReq_Options{StreamIdentifier: identifier("s"),
				ExpectedStreamPosition: &api.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}},
				DeadlineOption:         &api.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(patience)}},
			ProposedMessages: []*api.BatchAppendReq_ProposedMessage{{Id: id, Metadata: map[string]string{keyType: "T", keyContentType: typeJSON}}}})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := call.Recv()
		if err != nil || answer.CorrelationId.GetString_() != id.GetString_() {
			t.Fatal(answer, err)
		}
		return answer
	}
	hang.Store(true)
	late := say("1", 50*time.Millisecond)
	if detail, err := late.GetError().GetDetails()[0].UnmarshalNew(); err != nil || codes.Code(late.GetError().Code) != codes.DeadlineExceeded {
		t.Errorf("%v, %v", detail, err)
	}
	hang.Store(false)
	close(free)
	if next := say("2", time.Minute); next.GetSuccess().GetCurrentRevision() != 1 {
		t.Errorf("behind the late one: %v", next)
	}
	if again := say("1", time.Minute); again.GetSuccess().GetCurrentRevision() != 0 {
		t.Errorf("the late one repeated: %v", again)
	}
}
