package logserver

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/reeve-platform/reeve/internal/renewal"
)

// Defaults of Options, and what the transport is given.
const (
	DefaultAddr          = "127.0.0.1:2113"
	DefaultMaxAppendSize = 1 << 20
	DefaultStallTimeout  = time.Minute

	receiveLimit  = 8 << 20 // bytes of one message at least; four times an append where that is more
	streamsAtOnce = 1024    // calls of one connection; more wait at the client
	streamWindow  = 1 << 20
	connWindow    = 4 << 20
	streamWorkers = 128 // goroutines kept for calls, whose stacks have already grown
	ioBuffer      = 64 << 10
	pingAtMost    = time.Second      // clients ping every 10 s by default
	pingIdle      = 30 * time.Second // ours, to notice clients that are gone
	patienceClose = 5 * time.Second
)

// Options say where a log lives and where it is served.
type Options struct {
	// Dir holds the log; it is created when missing. Required.
	Dir string
	// Addr is the address to listen on, DefaultAddr when empty. Port 0 takes any
	// free port. Without a certificate it must be a loopback address.
	Addr string
	Security
	// MaxAppendSize is the most bytes of event data, metadata and type names one
	// append may carry, DefaultMaxAppendSize when zero. What it takes as stored,
	// with the stream's name in each event, may be 16 times as much.
	MaxAppendSize int
	// StallTimeout is how long a subscriber may leave what it was sent unread
	// before it is dropped, DefaultStallTimeout when zero.
	StallTimeout time.Duration
	// DiskReserve is the free space in bytes below which appends are refused,
	// DefaultDiskReserve when zero.
	DiskReserve uint64
	// Logger is where the server reports; discarded when nil.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	if o.MaxAppendSize <= 0 {
		o.MaxAppendSize = DefaultMaxAppendSize
	}
	if o.StallTimeout <= 0 {
		o.StallTimeout = DefaultStallTimeout
	}
	if o.DiskReserve == 0 {
		o.DiskReserve = DefaultDiskReserve
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// A Server is an open log with a listener. It is safe for concurrent use.
type Server struct {
	journal     *journal
	groups      *groupCatalog
	rpc         *grpc.Server
	health      *health.Server
	plain       *http.Server
	port        *splitter
	addr        *net.TCPAddr
	advertised  advertised
	certificate *renewal.Certificate // nil without TLS
	gate        *gate                // nil without authentication
	watching    sync.WaitGroup
	leaving     chan struct{}
	closing     sync.Once
	closed      error
}

// Open locks and verifies the directory and listens; it does not serve yet.
//
// It fails with ErrNotLoopback, with ErrLocked when the directory is in use,
// when the certificate or the users cannot be read or contradict each other,
// and with a *CorruptionError when acknowledged events are missing.
func Open(o Options) (*Server, error) { return openOn(vfs.Default, o) }

func openOn(files vfs.FS, o Options) (*Server, error) {
	o = o.withDefaults()
	k, err := openKeys(o)
	if err != nil {
		return nil, err
	}
	listener, addr, err := listen(o, k.certificate)
	if err != nil {
		return nil, err
	}
	j, err := openJournal(files, o)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &Server{journal: j, port: newSplitter(listener), addr: addr, health: health.NewServer(), leaving: make(chan struct{}),
		advertised: advertise(o, addr, k.leaf()), certificate: k.certificate, gate: k.gate(j, o)}
	s.rpc, s.plain = newRPC(o.MaxAppendSize, s.gate.interceptors()...), newPlain(func() bool { return j.fault.err() == nil }, s.serveStats)
	streams.RegisterStreamsServer(s.rpc, &streamsService{
		journal: j, maxAppend: o.MaxAppendSize, stall: o.StallTimeout, leaving: s.leaving, gate: s.gate, lasting: o.lasting()})
	if s.groups, err = openGroups(j, o.StallTimeout, s.leaving); err != nil {
		close(s.leaving)
		return nil, errors.Join(err, s.port.Close(), j.close())
	}
	persistent.RegisterPersistentSubscriptionsServer(s.rpc, &groupsService{groupCatalog: s.groups, gate: s.gate})
	serverfeatures.RegisterServerFeaturesServer(s.rpc, featuresService{})
	gossip.RegisterGossipServer(s.rpc, gossipService{id: j.mark.id, at: s.advertised, now: func() int64 { return ticks(time.Now()) }})
	grpc_health_v1.RegisterHealthServer(s.rpc, leavingHealth{s.health, s.leaving})
	if k.users != nil || k.certificate != nil {
		s.watching.Go(func() { s.watchFiles(k.users) })
	}
	return s, nil
}

// newRPC serves calls. A message is held in memory before anything is known of it,
// so its size has a bound, and so has the number of calls of one connection.
func newRPC(maxAppend int, more ...grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(more,
		grpc.ForceServerCodecV2(newWireCodec()),
		grpc.UnaryInterceptor(trailUnary),
		grpc.StreamInterceptor(trailStream),
		grpc.MaxRecvMsgSize(max(receiveLimit, 4*maxAppend)),
		grpc.MaxConcurrentStreams(streamsAtOnce),
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(connWindow),
		grpc.ReadBufferSize(ioBuffer),
		grpc.WriteBufferSize(ioBuffer),
		grpc.WaitForHandlers(true),
		grpc.NumStreamWorkers(streamWorkers),
		// Without this the transport drops every idle client as too eager.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingAtMost, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingIdle, Timeout: pingIdle}),
	)...)
}

// Serve answers calls until Close, which makes it return nil, or until the
// storage fails: then it returns ErrStorage or a *CorruptionError, nothing is
// acknowledged any more, and the process should end.
func (s *Server) Serve() error {
	served := make(chan error, 1)
	go s.port.run()
	go func() { _ = s.plain.Serve(side{s.port, s.port.plain}) }() // ends with the port
	go func() { served <- s.rpc.Serve(side{s.port, s.port.rpc}) }()
	select {
	case err := <-served:
		if errors.Is(err, grpc.ErrServerStopped) {
			err = nil
		}
		return errors.Join(err, s.journal.fault.err())
	case <-s.journal.fault.tripped:
		s.health.Shutdown()
		return s.journal.fault.err()
	}
}

// Addr is the host:port really bound.
func (s *Server) Addr() string { return s.addr.String() }

// URL is a connection string for the official clients. It holds no credentials.
func (s *Server) URL() string {
	at := net.JoinHostPort(s.advertised.host, strconv.Itoa(s.addr.Port))
	return fmt.Sprintf("esdb://%s?tls=%t&keepAliveInterval=10000&keepAliveTimeout=10000", at, s.certificate != nil)
}

// Head is the position of the last durable event, 0 when there is none.
func (s *Server) Head() uint64 { return s.journal.head.Load() }

// LogID names this log for ever. It was drawn when the directory was new.
func (s *Server) LogID() uuid.UUID { return s.journal.mark.id }

// Stats is a snapshot of the server's counters.
func (s *Server) Stats() Stats { return s.journal.count.snapshot(s.Head()) }

// Close ends subscriptions, lets calls under way finish for a few seconds,
// moves the durable mark to the head and closes the storage. Closing twice is
// the same as once.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.health.Shutdown()
		close(s.leaving)
		s.stopCalls()
		s.watching.Wait()
		s.closed = errors.Join(s.port.Close(), s.plain.Close(), s.journal.close())
	})
	return s.closed
}

// stopCalls lets calls finish, but not after a failure: then nothing can be
// promised any more, and the process is to end at once.
func (s *Server) stopCalls() {
	if s.journal.fault.err() != nil {
		s.rpc.Stop()
		return
	}
	stuck := time.AfterFunc(patienceClose, s.rpc.Stop)
	s.rpc.GracefulStop()
	stuck.Stop()
}

// Err is what the storage failed with, nil while all is well.
func (s *Server) Err() error { return s.journal.fault.err() }
