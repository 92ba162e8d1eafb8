package logserver

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
)

// A right is something a caller may be allowed to do.
type right int

const (
	toRead right = iota
	toWrite
	toDelete
	toReadMeta
	toWriteMeta
	toManage // persistent subscriptions and the server itself; of no stream
)

var errDenied = refuse(codes.PermissionDenied, "access is denied", "exception", "access-denied")

// A gate decides who may do what. It looks everything up at each decision, so
// there is nothing to go stale: a changed ACL counts from its event on, a
// changed users file from its reading on. A nil gate lets everything pass; that
// is a server without authentication.
type gate struct {
	log       *journal
	verifier  *verifier
	anonymous bool // callers without credentials get what is given to $all
}

// allowed returns nil when the caller in the context has a right to a stream,
// and otherwise the refusal to answer with. Reading or writing $$x is reading or
// writing the metadata of x; $all is a system stream.
func (g *gate) allowed(ctx context.Context, r right, stream string) error {
	if g == nil {
		return nil
	}
	u, err := g.who(ctx)
	switch {
	case err != nil:
		return err
	case u.in(groupAdmins), r == toManage && u.in(groupOps):
		return nil
	case r == toManage:
		return errDenied
	}
	return g.granted(u, r, stream)
}

// who is the user that calls, as the users file has it now: one who was removed
// or got another password since the call began is nobody any more. A caller
// without credentials is a user without a name, where such are let in.
func (g *gate) who(ctx context.Context) (User, error) {
	u, named := ctx.Value(callerKey{}).(User)
	if !named && !g.anonymous {
		return u, errDenied
	}
	now := g.verifier.roll.Load().users[u.Name]
	if named && now.hash != u.hash {
		return u, errUnauthenticated
	}
	return now, nil
}

// granted looks at what the stream's ACL says, or else the default.
func (g *gate) granted(u User, r right, stream string) error {
	stream, r = described(stream, r)
	roles, err := g.roles(stream, r)
	if err != nil {
		return unsettled(err)
	}
	for _, role := range roles {
		if role == everybody || u.Name != "" && role == u.Name || u.in(role) {
			return nil
		}
	}
	if planted("acl-ignored") {
		return nil
	}
	return errDenied
}

// described turns a right to a metastream into the right to its stream's
// metadata. A metastream cannot be deleted.
func described(stream string, r right) (string, right) {
	target, meta := metaTarget(stream)
	switch {
	case !meta:
		return stream, r
	case r == toRead:
		return target, toReadMeta
	}
	return target, toWriteMeta
}

// readable is allowed for what a Read asks for, where no stream means $all.
func (g *gate) readable(ctx context.Context, stream string) error {
	if stream == "" {
		stream = "$all"
	}
	return g.allowed(ctx, toRead, stream)
}

// linked finds the event a link points to. One that the caller may not read is
// to it as one that is not there.
func (g *gate) linked(ctx context.Context, log *journal, data []byte) ([]byte, error) {
	if _, stream, ok := target(data); ok {
		err := g.allowed(ctx, toRead, stream)
		if errors.Is(err, errDenied) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return log.linked(data)
}

// name is what the caller in the context is called.
func (g *gate) name(ctx context.Context) string {
	if u, named := ctx.Value(callerKey{}).(User); g != nil && named {
		return u.Name
	}
	return "anonymous"
}

// permit decides a write: whether its caller may, and whether anybody may.
func (s *streamsService) permit(ctx context.Context, w *write) error {
	r := toDelete
	if w.action == appendEvents {
		r = toWrite
	}
	if err := s.gate.allowed(ctx, r, w.stream); err != nil {
		return err
	}
	return s.lasting.keeps(w)
}
