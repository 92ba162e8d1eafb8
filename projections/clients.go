package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/client"
)

// Client is a row of the clients table: who may get access tokens, and for what.
// Nothing that a secret could be checked against is in it.
type Client struct {
	ID          domain.ClientID     `db:"id,uuid" json:"id" doc:"The client."`
	Owner       string              `db:"owner,text" json:"-"`
	Node        domain.NodeID       `db:"node,text" json:"node" doc:"Node at and below which it may act."`
	Name        string              `db:"name,text" json:"name" doc:"Name for people."`
	Permissions []domain.Permission `db:"permissions,text[]" json:"permissions" doc:"What it may do."`
	Method      string              `db:"method,text" json:"method" enum:"client_secret_basic,private_key_jwt" doc:"How it proves who it is."`
	Kids        []string            `db:"kids,text[]" json:"kids" doc:"Names of its public keys."`
	Status      client.Status       `db:"status,text" json:"status" enum:"active,disabled" doc:"Whether it can get tokens."`
	RotatedAt   time.Time           `db:"rotated_at,timestamptz" json:"rotatedAt" doc:"Since when it has its present credential."`
	OverlapEnds *time.Time          `db:"overlap_ends,timestamptz" json:"overlapEnds,omitempty" doc:"Until when the credential before is valid, too."`
	Revision    int64               `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position    int64               `db:"position,bigint" json:"-"`
	CreatedAt   time.Time           `db:"created_at,timestamptz" json:"createdAt" doc:"When it was registered."`
	UpdatedAt   time.Time           `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// StreamRevision is the revision an If-Match must name.
func (c Client) StreamRevision() uint64 { return uint64(c.Revision) }

// Clients has one row for each OAuth client that was ever registered.
var Clients = Table[Client]{
	Name: "clients", Version: 2, Seen: Owners,
	Indexes: []string{"node, created_at, id"},
	Key: func(r domain.Recorded) string {
		if e, ok := r.Event.(domain.Appoints); ok && r.Stream == domain.PlatformStream {
			r.Stream = domain.ClientStream(e.Appoints()) // whose row it changes
		}
		return subject(r, "client-")
	},
	Fold: func(c Client, r domain.Recorded) (Client, bool) {
		switch e := r.Event.(type) {
		case domain.Appoints:
			c.Permissions, c.Position, c.UpdatedAt = domain.AllPermissions, int64(r.Position), r.Meta.At
			return c, c.ID != ""
		case client.Registered:
			c.ID, c.Owner, c.Node, c.Name, c.CreatedAt = e.Client, string(e.Node), e.Node, text(e.Name), r.Meta.At
			c.Permissions, c.Status = e.Permissions.List(), client.Active
			c = c.proves(e.Credential, r.Meta.At)
		case client.CredentialRotated:
			c.OverlapEnds = &e.OverlapEnds
			c = c.proves(e.Credential, r.Meta.At)
		case client.Disabled:
			c.Status, c.OverlapEnds = client.Inactive, nil
		}
		c.Revision, c.Position, c.UpdatedAt = int64(r.Revision), int64(r.Position), r.Meta.At
		return c, c.ID != ""
	},
}

func (c Client) proves(by domain.Credential, at time.Time) Client {
	c.Method, c.Kids, c.RotatedAt = "client_secret_basic", []string{}, at
	for _, k := range by.Keys {
		c.Method, c.Kids = "private_key_jwt", append(c.Kids, text(k.Kid))
	}
	return c
}
