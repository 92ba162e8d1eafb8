package client

import "github.com/reeve-platform/reeve/domain"

// Disable takes everything from a client, for good and at once: what it was
// given tokens for, too.
type Disable struct {
	Node   domain.NodeID   `json:"node" path:"node" doc:"Node the client is registered at."`
	Client domain.ClientID `json:"client" path:"client" doc:"The client."`
}

// Disabled: the client is nobody.
type Disabled struct {
	Client domain.ClientID `json:"client"`
	Node   domain.NodeID   `json:"node"`
}

// Empowers says that nothing is left.
func (e Disabled) Empowers() (string, domain.NodeID, domain.Permissions) {
	return string(e.Client), e.Node, 0
}

// Change gives both statuses.
func (e Disabled) Change() (before, after any) { return Active, Inactive }

// Stream names the client's history.
func (c Disable) Stream() domain.StreamID { return Stream(c.Client) }

// Reads names the node, which the fact belongs to, and who administers the platform.
func (c Disable) Reads(Client) []domain.StreamID {
	if c.Node != domain.PlatformID {
		return domain.SiteStreams(c.Node)
	}
	return []domain.StreamID{domain.PlatformStream, domain.AccessStream(domain.PlatformID)}
}

// Decide applies the rule.
func (c Disable) Decide(s Client, _ domain.Meta) ([]domain.Event, error) {
	if err := s.at(c.Node); err != nil || s.Status == Inactive {
		return nil, err
	}
	if s.last(c.Client) {
		return nil, ErrLastAdministrator
	}
	return []domain.Event{Disabled{c.Client, c.Node}}, nil
}
