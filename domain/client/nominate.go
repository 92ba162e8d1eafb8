package client

import "github.com/reeve-platform/reeve/domain"

// Nominate registers the client that is to become the platform's first
// administrator, with a secret that its holder has made up. It may do nothing until
// the platform appoints it, so that an attempt that ends half way leaves nobody with
// rights. It is none of the commands that can be asked for.
type Nominate struct {
	Client domain.ClientID
	Name   string
	Secret string // in the form in which clients hold secrets
}

// Stream names the client's history.
func (c Nominate) Stream() domain.StreamID { return Stream(c.Client) }

// Decide applies the rule. The same again is what is left of such an attempt.
func (c Nominate) Decide(s Client, _ domain.Meta) ([]domain.Event, error) {
	credential := domain.Credential{Digest: domain.Digest(c.Secret)}
	switch {
	case s.Status == Active && s.Node == domain.PlatformID && s.Credential.Equal(credential):
		return nil, nil
	case s.Status != Absent:
		return nil, domain.ErrTransition.With("a client of that id was registered before")
	}
	if err := domain.CheckName(c.Name, 200); err != nil {
		return nil, err
	}
	return []domain.Event{Registered{c.Client, domain.PlatformID, c.Name, 0, credential}}, nil
}
