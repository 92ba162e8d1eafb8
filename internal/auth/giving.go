package auth

import (
	"errors"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/internal/edge"
)

// Nobody gives away what they do not have, nor for longer than they have it. What a
// command gives is not always written on it: whoever tells a credential anew, or
// says who a user is elsewhere, hands over everything that one can do.
type (
	granting interface {
		Role() (access.Key, domain.NodeID)
	}
	lettingIn interface {
		LetsCount() ([]access.Key, domain.NodeID)
	}
	renewing interface {
		Renews() (principal string, at domain.NodeID)
	}
	meaning     interface{ Meaning([]access.Meaning) }
	identifying interface{ Becomes() domain.UserID }
	linking     interface {
		Links() (issuer string, at domain.NodeID)
	}
	ending interface{ Ends() *time.Time }
)

var (
	// ErrIssuer: nobody comes in by such an issuer there. One that vouches for users
	// elsewhere is answered like one that nobody has heard of.
	ErrIssuer = &domain.Error{Kind: domain.Invalid, Code: "unknown-issuer", Detail: "no issuer of that name vouches for users there"}
	// ErrLinkAbove: whoever says which user a subject of an issuer is could take
	// somebody else's, so that is for those to say who have all of its users in their care.
	ErrLinkAbove = &domain.Error{Kind: domain.Forbidden, Code: "identity-linked-above", Detail: "identities of that issuer are linked by whoever has user:write at the node that it vouches for"}
)

// forGood is later than anything that ends.
var forGood = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// A gift is what somebody would have afterwards, and where.
type gift struct {
	what domain.Permissions
	at   []domain.NodeID
}

// MayGive refuses what the caller does not hold itself, there and for so long. A
// command that finds roles by their keys is told which ones were looked at.
func (c caller) MayGive(input any, at []domain.NodeID) error {
	if l, ok := input.(linking); ok {
		if err := c.mayLink(l.Links()); err != nil {
			return err
		}
	}
	g, err := c.gift(input, at)
	if g.what == 0 || err != nil {
		return err
	}
	until := forGood
	if e, ok := input.(ending); ok && e.Ends() != nil {
		until = *e.Ends()
	}
	for _, node := range g.at {
		switch {
		case c.guard.model.Decide(c.p.ID, g.what, node, until) != access.Allowed:
			return edge.ErrForbidden
		case !c.p.Scopes.Has(g.what):
			return ErrScope
		}
	}
	return nil
}

// mayLink refuses identities of issuers that do not vouch for users at a node, and
// callers who may not write users wherever the issuer does.
func (c caller) mayLink(issuer string, at domain.NodeID) error {
	if issuer == "" {
		return nil
	}
	t, known := c.guard.verifier.trusted[issuer]
	path, _ := c.guard.model.Path(at)
	if !known || !within(path, string(t.o.Node)) {
		return ErrIssuer.At("/identity/issuer", ErrIssuer.Detail)
	}
	err := c.May(domain.PermissionsOf(domain.UserWrite), t.o.Node)
	if err != nil && !errors.Is(err, ErrScope) {
		return ErrLinkAbove
	}
	return err
}

func (c caller) gift(input any, at []domain.NodeID) (gift, error) {
	g := gift{at: at}
	if i, ok := input.(edge.Conferring); ok {
		g.what |= i.Confers()
	}
	if i, ok := input.(granting); ok {
		role, known := c.guard.model.Means(i.Role())
		if !known {
			return g, access.ErrRoleNotFound // one that is not known here yet must not be given unseen
		}
		g.what |= role.Permissions
		mean(input, []access.Meaning{role})
	}
	if i, ok := input.(lettingIn); ok {
		roles, all := c.counting(i.LetsCount())
		g.what |= all
		mean(input, roles)
	}
	if i, ok := input.(renewing); ok {
		g.what |= c.guard.model.Registered(i.Renews())
	}
	if i, ok := input.(identifying); ok && i.Becomes() != "" {
		what, home := c.guard.model.Granted(i.Becomes())
		if g.what |= what; what != 0 {
			g.at = append(slices.Clone(at), home)
		}
	}
	return g, nil
}

// mean tells a command which roles its author was found to have; it is there as
// itself, not as a copy, where it is about to be decided.
func mean(input any, roles []access.Meaning) {
	if i, ok := input.(meaning); ok {
		i.Meaning(roles)
	}
}

// counting is the roles that count from then on, and everything that they let their
// holders do.
func (c caller) counting(keys []access.Key, at domain.NodeID) (roles []access.Meaning, all domain.Permissions) {
	roles = []access.Meaning{} // of those that nobody knows, none was looked at
	if len(keys) == 0 {
		for _, b := range access.BuiltIns {
			if slices.Contains(b.Levels, domain.IntegratorLevel) || slices.Contains(b.Levels, domain.TenantLevel) {
				all |= b.Permissions
			}
		}
	}
	for _, k := range keys {
		if role, known := c.guard.model.Means(k, at); known {
			roles, all = append(roles, role), all|role.Permissions
		}
	}
	return roles, all
}

// Knows reports whether there is such a node.
func (c caller) Knows(node domain.NodeID) bool {
	_, ok := c.guard.model.Path(node)
	return ok
}
