package apikey

import "github.com/reeve-platform/reeve/domain"

// Revoke makes a key worthless, for good and at once.
type Revoke struct {
	Node domain.NodeID   `json:"node" path:"node" doc:"Node the key belongs to."`
	Key  domain.APIKeyID `json:"key" path:"key" doc:"The key."`
}

// Revoked: the key is good for nothing.
type Revoked struct {
	Key  domain.APIKeyID `json:"key"`
	Node domain.NodeID   `json:"node"`
}

// Empowers says that nothing is left.
func (e Revoked) Empowers() (string, domain.NodeID, domain.Permissions) {
	return string(e.Key), e.Node, 0
}

// Change gives both statuses.
func (e Revoked) Change() (before, after any) { return Active, Terminated }

// Stream names the key's history.
func (c Revoke) Stream() domain.StreamID { return Stream(c.Key) }

// Reads names the node, which the fact belongs to.
func (c Revoke) Reads(Key) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule. One that has expired can be revoked all the same.
func (c Revoke) Decide(k Key, _ domain.Meta) ([]domain.Event, error) {
	if err := k.at(c.Node); err != nil || k.Status == Terminated {
		return nil, err
	}
	return []domain.Event{Revoked{c.Key, c.Node}}, nil
}
