package logserver

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// A leavingHealth is the standard health service, whose watchers end with the
// server: otherwise each would hold up its end for as long as it likes to watch.
type leavingHealth struct {
	*health.Server
	leaving <-chan struct{}
}

// Watch tells a caller how the server is, until either of them leaves.
func (h leavingHealth) Watch(r *grpc_health_v1.HealthCheckRequest, call grpc_health_v1.Health_WatchServer) error {
	ctx, cancel := context.WithCancel(call.Context())
	defer cancel()
	go func() {
		select {
		case <-h.leaving:
			cancel()
		case <-ctx.Done():
		}
	}()
	return h.Server.Watch(r, watchCall{call, ctx})
}

// A watchCall is a call of Watch that ends with its context.
type watchCall struct {
	grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]
	ctx context.Context
}

// Context ends when the server leaves.
func (c watchCall) Context() context.Context { return c.ctx }
