package readapi

import (
	"context"
	"net/http"
	"path"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v1/evaluationv1connect"
	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v2/evaluationv2connect"
	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/sync/v1/syncv1connect"
	first "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v1"
	evaluation "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	rpc "connectrpc.com/connect"
	"github.com/go-chi/chi/v5"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// Paths of [MountFlagd]: the name of a service is its address.
const (
	FlagdPath   = "/" + evaluationv2connect.ServiceName + "/"
	FlagdPathV1 = "/" + evaluationv1connect.ServiceName + "/" // for clients from before flagd 0.16

	FlagdSyncPath = "/" + syncv1connect.FlagSyncServiceName + "/"
)

// maxFlagdBytes is how large a call may be, unpacked: a context with its envelope.
const maxFlagdBytes = maxContextBytes + 4<<10

// MountFlagd has r answer clients of flagd, over gRPC, gRPC-Web and Connect, which flagd
// speaks, too: those that have flags evaluated for them in the words of
// flagd.evaluation.v2 and v1, and those that evaluate by themselves in the words of
// flagd.sync.v1. Whose and now are those of [MountOFREP]; web pages may call, too.
func MountFlagd(r chi.Router, s *Source, whose func(*http.Request) (domain.Scope, error), now func() time.Time) {
	o, bound := ofrep{s, whose, now, nil}, rpc.WithReadMaxBytes(maxFlagdBytes)
	_, calls := evaluationv2connect.NewServiceHandler(flagd{o}, bound)
	all := rpc.NewUnaryHandler(evaluationv1connect.ServiceResolveAllProcedure, flagd{o}.ResolveAll, bound)
	_, syncs := syncv1connect.NewFlagSyncServiceHandler(flagdSync{o, newShelf()}, bound)
	r = r.With(crossOrigin(sentToFlagd, exposedByFlagd))
	calls = eitherVersion(calls, all)
	for at, calls := range map[string]http.Handler{FlagdPath: calls, FlagdPathV1: calls, FlagdSyncPath: syncs} {
		r.Method(http.MethodPost, at+"{call}", identified(calls, whose))
		r.Options(at+"{call}", anybodyAsks)
	}
}

// eitherVersion answers calls of both versions with the messages of the second. They have
// the same members, but that false, 0 and "" are written where the first leaves them out,
// and whoever reads the first takes either for the same. Only ResolveAll, which not
// every edition of the second has, is answered with the messages of the first: what the
// second gives a presence is never left out of them.
func eitherVersion(calls, all http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := *r.URL
		call := path.Base(at.Path)
		at.Path = FlagdPath + call
		r = r.WithContext(r.Context())
		if r.URL = &at; call == "ResolveAll" {
			all.ServeHTTP(w, r)
			return
		}
		calls.ServeHTTP(w, r)
	})
}

// identified lets nobody call who may not.
func identified(calls http.Handler, whose func(*http.Request) (domain.Scope, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope, err := whose(r)
		if err != nil {
			edge.Dialect(RefuseFlagd).Refuse(w, r, evaluating, err)
			return
		}
		calls.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), flagdKey{}, flagdCall{w, r, scope})))
	})
}

// flagd are the calls of the service that evaluates flags. It asks as [MountOFREP] does,
// of whom a context names and for the same callers, and has the same answers. What differs
// is what the protocol has no words for:
//
//   - No answer has the reason STATIC. Clients keep such answers by the key of the flag
//     alone, and would give one tenant the value of another; the reason is DEFAULT, and
//     the metadata tell what decided.
//   - No answer has no variant, for clients give their own default then.
//   - An object is an object: a list or null is a mismatch of types, and not among all
//     flags.
//   - A stream tells of the node that the caller is bound to, or else of the platform.
//
// Errors are told with codes of gRPC: NOT_FOUND for no such flag, INVALID_ARGUMENT for
// a value of another type, FAILED_PRECONDITION for a context that cannot be, and else
// those of [edge.Outcome].
type flagd struct{ ofrep }

// A flagdCall is a call on its way to the service, which is told of the request no more
// than its message.
type flagdCall struct {
	w     http.ResponseWriter
	r     *http.Request
	scope domain.Scope
}

type flagdKey struct{}

func flagdCallOf(ctx context.Context) flagdCall {
	c, _ := ctx.Value(flagdKey{}).(flagdCall)
	return c
}

// asked finds whom flags are evaluated for. Leave gives back the room for the work.
func (f flagd) asked(ctx context.Context, about *structpb.Struct) (a asking, leave func(), err error) {
	c := flagdCallOf(ctx)
	raw, err := about.MarshalJSON()
	if err != nil {
		return a, nil, flagdRefusal(c, wrongContext("the context is not a JSON object"))
	}
	if deeper(raw, maxContextDepth) {
		return a, nil, flagdRefusal(c, wrongContext("the context is nested more than %d levels deep", maxContextDepth))
	}
	var no *refusal
	if a.subject, no = subjectOf(about.AsMap()); no != nil {
		return a, nil, flagdRefusal(c, no)
	}
	a.scope = c.scope
	if leave, no = f.begin(c.w.Header(), c.r, &a); no != nil {
		return a, nil, flagdRefusal(c, no)
	}
	return a, leave, nil
}

// resolve evaluates one flag, whose value must be a T.
func resolve[T any](ctx context.Context, f flagd, key string, about *structpb.Struct, read func(*evaluated) (T, bool)) (v T, e *evaluated, err error) {
	a, leave, err := f.asked(ctx, about)
	if err != nil {
		return v, nil, err
	}
	answer, err := a.view.Evaluate(flag.Key(key))
	leave()
	if err != nil {
		return v, nil, flagdError(rpc.CodeNotFound, flagNotFound, "there is no such flag")
	}
	f.source.Uses.Note(a.view.Node(), flag.Key(key), a.at)
	if e, err = readEvaluated(flag.Key(key), &answer); err != nil {
		return v, nil, err
	}
	v, ok := read(e)
	if !ok {
		return v, nil, flagdError(rpc.CodeInvalidArgument, typeMismatch, "the value of the flag is of another type")
	}
	return v, e, nil
}

// ResolveBoolean evaluates a flag of that type.
func (f flagd) ResolveBoolean(ctx context.Context, q *rpc.Request[evaluation.ResolveBooleanRequest]) (*rpc.Response[evaluation.ResolveBooleanResponse], error) {
	v, e, err := resolve(ctx, f, q.Msg.GetFlagKey(), q.Msg.GetContext(), (*evaluated).boolean)
	if err != nil {
		return nil, err
	}
	return rpc.NewResponse(&evaluation.ResolveBooleanResponse{Value: &v, Reason: e.Reason, Variant: &e.Variant, Metadata: e.Metadata}), nil
}

// ResolveString evaluates a flag of that type.
func (f flagd) ResolveString(ctx context.Context, q *rpc.Request[evaluation.ResolveStringRequest]) (*rpc.Response[evaluation.ResolveStringResponse], error) {
	v, e, err := resolve(ctx, f, q.Msg.GetFlagKey(), q.Msg.GetContext(), (*evaluated).text)
	if err != nil {
		return nil, err
	}
	return rpc.NewResponse(&evaluation.ResolveStringResponse{Value: &v, Reason: e.Reason, Variant: &e.Variant, Metadata: e.Metadata}), nil
}

// ResolveFloat evaluates a flag that is a number.
func (f flagd) ResolveFloat(ctx context.Context, q *rpc.Request[evaluation.ResolveFloatRequest]) (*rpc.Response[evaluation.ResolveFloatResponse], error) {
	v, e, err := resolve(ctx, f, q.Msg.GetFlagKey(), q.Msg.GetContext(), (*evaluated).number)
	if err != nil {
		return nil, err
	}
	return rpc.NewResponse(&evaluation.ResolveFloatResponse{Value: &v, Reason: e.Reason, Variant: &e.Variant, Metadata: e.Metadata}), nil
}

// ResolveInt evaluates a flag that is a whole number.
func (f flagd) ResolveInt(ctx context.Context, q *rpc.Request[evaluation.ResolveIntRequest]) (*rpc.Response[evaluation.ResolveIntResponse], error) {
	v, e, err := resolve(ctx, f, q.Msg.GetFlagKey(), q.Msg.GetContext(), (*evaluated).whole)
	if err != nil {
		return nil, err
	}
	return rpc.NewResponse(&evaluation.ResolveIntResponse{Value: &v, Reason: e.Reason, Variant: &e.Variant, Metadata: e.Metadata}), nil
}

// ResolveObject evaluates a flag that is an object of JSON.
func (f flagd) ResolveObject(ctx context.Context, q *rpc.Request[evaluation.ResolveObjectRequest]) (*rpc.Response[evaluation.ResolveObjectResponse], error) {
	v, e, err := resolve(ctx, f, q.Msg.GetFlagKey(), q.Msg.GetContext(), (*evaluated).object)
	if err != nil {
		return nil, err
	}
	return rpc.NewResponse(&evaluation.ResolveObjectResponse{Value: v, Reason: e.Reason, Variant: &e.Variant, Metadata: e.Metadata}), nil
}

// ResolveAll evaluates every flag.
func (f flagd) ResolveAll(ctx context.Context, q *rpc.Request[first.ResolveAllRequest]) (*rpc.Response[first.ResolveAllResponse], error) {
	a, leave, err := f.asked(ctx, q.Msg.GetContext())
	if err != nil {
		return nil, err
	}
	defer leave()
	all := &first.ResolveAllResponse{Flags: map[string]*first.AnyFlag{}}
	a.view.All(func(k flag.Key, answer flag.Answer) bool {
		var e *evaluated
		if e, err = readEvaluated(k, &answer); err != nil {
			return false
		}
		if any, ok := e.any(); ok {
			all.Flags[string(k)] = any
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	f.source.Uses.Note(a.view.Node(), "", a.at)
	return rpc.NewResponse(all), nil
}
