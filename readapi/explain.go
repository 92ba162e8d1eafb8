package readapi

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/internal/edge"
)

// ExplainAccess asks why somebody may do something at a node, or why not.
type ExplainAccess struct {
	Node       domain.NodeID     `json:"node" path:"node" doc:"The node."`
	Principal  string            `json:"principal" query:"principal" required:"true" minLength:"1" maxLength:"64" doc:"Id of the user, OAuth client or API key."`
	Permission domain.Permission `json:"permission" query:"permission" required:"true" maxLength:"64" doc:"What that one wants to do, such as tenant:write."`
}

// AccessExplained is why somebody may do something at a node, or why not. It is decided by
// what a guard remembers of the log, not by tables.
type AccessExplained struct {
	Node       domain.NodeID     `json:"node" doc:"The node."`
	Path       string            `json:"path" doc:"Ids from the platform down to the node."`
	Principal  string            `json:"principal" doc:"Who."`
	Permission domain.Permission `json:"permission" doc:"What."`
	Allowed    bool              `json:"allowed" doc:"Whether that one may."`
	Halted     *Halt             `json:"halted,omitempty" doc:"What keeps a user from doing anything at all."`
	Grounds    []Ground          `json:"grounds" doc:"Everything that one was given at the node or above it, and whether it counts. Of what was given above the caller's scope it is only told that there is such a thing, and whether it decides."`
}

// A Ground is something that somebody was given.
type Ground struct {
	Node        domain.NodeID       `json:"node,omitempty" doc:"Node it was given at; none for what was given above the caller's scope."`
	Above       bool                `json:"above,omitempty" doc:"Whether it was given above the caller's scope."`
	Role        access.Key          `json:"role,omitempty" doc:"The role; none for what a client or a key was registered with."`
	DefinedAt   domain.NodeID       `json:"definedAt,omitempty" doc:"Node that defines the role, unless it is built in."`
	Permissions []domain.Permission `json:"permissions" doc:"What it lets one do."`
	Until       *time.Time          `json:"until,omitempty" doc:"When it ends."`
	Decides     bool                `json:"decides" doc:"Whether it counts and holds the permission that was asked about."`
	Against     *Halt               `json:"against,omitempty" doc:"Why it does not count; none if it does."`
}

// A Halt is why something does not count.
type Halt struct {
	Cause access.Cause  `json:"cause" enum:"ended,not-standing,outside-home,undefined,retired,restricted,held-elsewhere" doc:"Why."`
	Node  domain.NodeID `json:"node,omitempty" doc:"The node that is to blame."`
}

// explained declares the one question that the guard's model answers.
func explained(name, route string, needs domain.Permission, summary string) edge.Entry[*Source] {
	return edge.Entry[*Source]{
		Name: name, Route: route, Needs: needs, Summary: summary,
		Input: reflect.TypeFor[ExplainAccess](), Output: reflect.TypeFor[AccessExplained](),
		Call: func(ctx context.Context, s *Source, bind edge.Bind, r edge.Request) (edge.Answer, error) {
			var q ExplainAccess
			if err := bind(&q); err != nil {
				return edge.Answer{}, err
			}
			if err := s.awaitBook(ctx, r.MinPosition); err != nil {
				return edge.Answer{}, plain(err)
			}
			if r.Across {
				if err := s.records.attest(ctx, View{Name: name, Scope: r.Scope, Trace: r.Meta.CorrelationID}, nil, nil); err != nil {
					return edge.Answer{}, err
				}
			}
			seen := s.seen()
			x := s.Access.Explain(q.Principal, domain.PermissionsOf(q.Permission), q.Node, time.Now())
			if x.Path == "" {
				return edge.Answer{}, domain.ErrNodeNotFound
			}
			out := q.told(x, r.Scope)
			if path, _ := s.Access.Path(domain.NodeID(q.Principal)); out.Halted != nil && !r.Scope.Covers(path) {
				out.Halted = out.elsewhere()
			}
			return edge.Answer{Body: out, Position: max(seen, x.Position)}, nil
		},
	}
}

// elsewhere is what is told of what keeps somebody else's user from doing anything:
// nothing, unless that one was given something within the scope, and then not where.
func (a AccessExplained) elsewhere() *Halt {
	if !slices.ContainsFunc(a.Grounds, func(g Ground) bool { return !g.Above }) {
		return nil
	}
	return &Halt{Cause: a.Halted.Cause}
}

// told is an explanation as far as it is the business of a scope.
func (q ExplainAccess) told(x access.Explanation, to domain.Scope) AccessExplained {
	out := AccessExplained{Node: x.Node, Path: x.Path, Principal: q.Principal, Permission: q.Permission,
		Allowed: x.Verdict == access.Allowed, Halted: haltOf(x.User), Grounds: []Ground{}}
	need := domain.PermissionsOf(q.Permission)
	var above *Ground
	for _, g := range x.Grounds {
		decides := g.Against == nil && x.User == nil && g.Permissions.Has(need)
		if !to.Above(g.Node) {
			out.Grounds = append(out.Grounds, Ground{
				Node: g.Node, Role: g.Role, DefinedAt: g.DefinedAt, Permissions: g.Permissions.List(), Until: g.Until,
				Decides: decides, Against: haltOf(g.Against),
			})
			continue
		}
		if above == nil {
			above = &Ground{Above: true, Permissions: []domain.Permission{}}
		}
		above.Decides = above.Decides || decides
	}
	if above != nil {
		out.Grounds = append([]Ground{*above}, out.Grounds...)
	}
	return out
}

func haltOf(h *access.Halt) *Halt {
	if h == nil {
		return nil
	}
	return &Halt{h.Cause, h.Node}
}
