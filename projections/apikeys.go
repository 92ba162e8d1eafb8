package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/apikey"
)

// APIKey is a row of the api_keys table. Nothing that a key could be checked
// against is in it. Whether it has expired is for whoever knows the time to say.
type APIKey struct {
	ID          domain.APIKeyID     `db:"id,uuid" json:"id" doc:"The key."`
	Owner       string              `db:"owner,text" json:"-"`
	Node        domain.NodeID       `db:"node,text" json:"node" doc:"Node at and below which it is good."`
	Name        string              `db:"name,text" json:"name" doc:"Name for people."`
	Permissions []domain.Permission `db:"permissions,text[]" json:"permissions" doc:"What it is good for."`
	Status      apikey.Status       `db:"status,text" json:"status" enum:"active,revoked" doc:"Whether it is good for anything until it expires."`
	ExpiresAt   time.Time           `db:"expires_at,timestamptz" json:"expiresAt" doc:"When it expires."`
	RotatedAt   time.Time           `db:"rotated_at,timestamptz" json:"rotatedAt" doc:"Since when it has its present text."`
	OverlapEnds *time.Time          `db:"overlap_ends,timestamptz" json:"overlapEnds,omitempty" doc:"Until when the text before is good, too."`
	Revision    int64               `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position    int64               `db:"position,bigint" json:"-"`
	CreatedAt   time.Time           `db:"created_at,timestamptz" json:"createdAt" doc:"When it was created."`
	UpdatedAt   time.Time           `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// StreamRevision is the revision an If-Match must name.
func (k APIKey) StreamRevision() uint64 { return uint64(k.Revision) }

// APIKeys has one row for each API key that was ever created.
var APIKeys = Table[APIKey]{
	Name: "api_keys", Version: 1, Seen: Owners,
	Indexes: []string{"node, created_at, id"},
	Key:     func(r domain.Recorded) string { return subject(r, "apikey-") },
	Fold: func(k APIKey, r domain.Recorded) (APIKey, bool) {
		switch e := r.Event.(type) {
		case apikey.Created:
			k.ID, k.Owner, k.Node, k.Name = e.Key, string(e.Node), e.Node, text(e.Name)
			k.Permissions, k.Status, k.ExpiresAt = e.Permissions.List(), apikey.Active, e.Expires
			k.CreatedAt, k.RotatedAt = r.Meta.At, r.Meta.At
		case apikey.Rotated:
			k.ExpiresAt, k.OverlapEnds, k.RotatedAt = e.Expires, &e.OverlapEnds, r.Meta.At
		case apikey.Revoked:
			k.Status, k.OverlapEnds = apikey.Terminated, nil
		}
		k.Revision, k.Position, k.UpdatedAt = int64(r.Revision), int64(r.Position), r.Meta.At
		return k, k.ID != ""
	},
}
