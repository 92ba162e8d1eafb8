package readapi

import (
	"context"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/projections"
)

// ClientsOf asks for the OAuth clients that are registered at a node.
type ClientsOf struct {
	Page
	Node   domain.NodeID `json:"node" path:"node" doc:"The node."`
	Status string        `json:"status,omitempty" query:"status" enum:"active,disabled" doc:"Only with this status."`
}

// Run answers from the clients, the oldest first.
func (q ClientsOf) Run(ctx context.Context, db DB) (List[projections.Client], error) {
	page := q.Page
	q.Page = Page{}
	list, err := pageOf[projections.Client](ctx, db, clientList, ask{page, "createdAt", q, []any{q.Node, q.Status}})
	if err != nil {
		return list, err
	}
	return known(ctx, db, list, domain.ErrNodeNotFound, nodeThereSQL, q.Node)
}

// APIKeysOf asks for the API keys of a node.
type APIKeysOf struct {
	Page
	Node   domain.NodeID `json:"node" path:"node" doc:"The node."`
	Status string        `json:"status,omitempty" query:"status" enum:"active,revoked" doc:"Only with this status."`
}

// Run answers from the API keys, the oldest first.
func (q APIKeysOf) Run(ctx context.Context, db DB) (List[projections.APIKey], error) {
	page := q.Page
	q.Page = Page{}
	list, err := pageOf[projections.APIKey](ctx, db, apiKeyList, ask{page, "createdAt", q, []any{q.Node, q.Status}})
	if err != nil {
		return list, err
	}
	return known(ctx, db, list, domain.ErrNodeNotFound, nodeThereSQL, q.Node)
}

// SigningKeysBy asks for the keys that access tokens are or were signed with.
type SigningKeysBy struct{ Page }

// Run answers from the signing keys, the oldest first.
func (q SigningKeysBy) Run(ctx context.Context, db DB) (List[projections.SigningKey], error) {
	page := q.Page
	q.Page = Page{}
	return pageOf[projections.SigningKey](ctx, db, signingKeyList, ask{page, "createdAt", q, nil})
}

const nodeThereSQL = `select true from readmodel.nodes where id = $1::text`

var (
	clientList = listing{
		columns: columns("c", projections.Clients),
		from:    `from readmodel.clients c where c.node = $1::text and ($2::text = '' or c.status = $2::text)`,
		id:      key{"c.id", "uuid"},
		sorts:   map[string]key{"createdAt": {"c.created_at", "timestamptz"}},
	}
	apiKeyList = listing{
		columns: columns("k", projections.APIKeys),
		from:    `from readmodel.api_keys k where k.node = $1::text and ($2::text = '' or k.status = $2::text)`,
		id:      key{"k.id", "uuid"},
		sorts:   map[string]key{"createdAt": {"k.created_at", "timestamptz"}},
	}
	signingKeyList = listing{
		columns: columns("s", projections.SigningKeys),
		from:    `from readmodel.signing_keys s where true`,
		id:      key{"s.kid", "text"},
		sorts:   map[string]key{"createdAt": {"s.created_at", "timestamptz"}},
	}
)
