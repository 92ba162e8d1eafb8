package logserver

import (
	"context"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

var errUnauthenticated = refuse(codes.Unauthenticated, "the credentials are not those of a user")

// callerKey is under what the context of a call holds the User who makes it.
type callerKey struct{}

// identify puts the user of a call into its context. Without credentials a
// call is anonymous; with wrong ones it is refused, whatever it asks for.
func (g *gate) identify(ctx context.Context) (context.Context, error) {
	headers := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(headers) == 0 {
		return ctx, nil
	}
	from := ""
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		from = p.Addr.String()
	}
	u, ok := g.admit(ctx, headers, from)
	if !ok {
		return ctx, errUnauthenticated
	}
	return context.WithValue(ctx, callerKey{}, u), nil
}

// admit verifies the one authorization header there may be.
func (g *gate) admit(ctx context.Context, headers []string, from string) (User, bool) {
	if len(headers) != 1 {
		return User{}, false
	}
	c, err := readBasic(headers[0])
	if err != nil {
		return User{}, false
	}
	return g.verifier.verify(ctx, c, placeOf(from))
}

// operator says whether a plain HTTP request comes from an administrator or
// operator. Without authentication everybody is one.
func (g *gate) operator(r *http.Request) bool {
	if g == nil {
		return true
	}
	u, ok := g.admit(r.Context(), r.Header.Values("Authorization"), r.RemoteAddr)
	return ok && (u.in(groupAdmins) || u.in(groupOps))
}

// Services by the names in their methods' paths.
const (
	serviceFeatures = "event_store.client.server_features.ServerFeatures"
	serviceGossip   = "event_store.client.gossip.Gossip"
	serviceHealth   = "grpc.health.v1.Health"
	serviceGroups   = "event_store.client.persistent_subscriptions.PersistentSubscriptions"
)

// enter identifies the caller of a method and turns away whoever could not do
// anything with it. What clients ask before they have any credentials is open;
// whatever names a stream is decided by the service that reads its name.
func (g *gate) enter(ctx context.Context, path string) (context.Context, error) {
	ctx, err := g.identify(ctx)
	if err != nil {
		return ctx, err
	}
	service, method, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case service == serviceFeatures, service == serviceGossip, service == serviceHealth:
	case service == serviceGroups && method != "Read":
		err = g.allowed(ctx, toManage, "")
	default:
		_, err = g.who(ctx)
	}
	return ctx, err
}

func (g *gate) unary(ctx context.Context, req any, call *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, err := g.enter(ctx, call.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (g *gate) stream(srv any, call grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, err := g.enter(call.Context(), info.FullMethod)
	if err != nil {
		hearOut(call, info)
		return err
	}
	return next(srv, identified{call, ctx})
}

// A caller that is turned away is heard for so long and so many bytes, and only so
// many are at a time: what they say is held in memory until it is thrown away.
const (
	hearFor     = 5 * time.Second
	hearBytes   = 4 << 20
	heardAtOnce = 8
)

var hearing = make(chan struct{}, heardAtOnce)

// hearOut takes what a client says before it listens: a whole Append, or the
// first message of a call that goes both ways. A client that is refused while it
// still sends sees a bare EOF instead of the reason.
func hearOut(call grpc.ServerStream, info *grpc.StreamServerInfo) {
	if !info.IsClientStream {
		return
	}
	select {
	case hearing <- struct{}{}:
	default:
		return
	}
	heard := make(chan struct{})
	go func() { // ends with the call at the latest
		defer func() { <-hearing; close(heard) }()
		var f frame
		for n := 0; n < hearBytes && call.RecvMsg(&f) == nil; n += len(f.wire) {
			if info.IsServerStream {
				return
			}
		}
	}()
	select {
	case <-heard:
	case <-time.After(hearFor):
	case <-call.Context().Done():
	}
}

// An identified call knows its user.
type identified struct {
	grpc.ServerStream
	ctx context.Context
}

func (i identified) Context() context.Context { return i.ctx }
