// Package edgetest lets the tests of the edge go without authentication.
package edgetest

import (
	"net/http"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A Guard admits everybody as one actor who may do everything everywhere.
type Guard struct{ As domain.Actor }

// Admit lets everybody in.
func (g Guard) Admit(*http.Request) (edge.Caller, error) { return g, nil }

// Actor is who everybody is.
func (g Guard) Actor() domain.Actor { return g.As }

// May is yes.
func (g Guard) May(domain.Permissions, domain.NodeID) error { return nil }

// Scope is everywhere.
func (g Guard) Scope(domain.Permissions) domain.Scope {
	return domain.Scope{Actor: g.As, Paths: []string{string(domain.PlatformID)}}
}

// MayGive is yes.
func (g Guard) MayGive(any, []domain.NodeID) error { return nil }

// Knows is no.
func (g Guard) Knows(domain.NodeID) bool { return false }

// Tenant is none.
func (g Guard) Tenant() domain.NodeID { return "" }

// Integrator is none.
func (g Guard) Integrator() domain.NodeID { return "" }
