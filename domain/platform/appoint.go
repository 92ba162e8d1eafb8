package platform

import "github.com/reeve-platform/reeve/domain"

// Appoint gives the platform its first administrator, once and for ever.
type Appoint struct{ Administrator string }

// AdministratorAppointed: the platform has had an administrator. Nobody becomes
// one by a bootstrap token any more, whatever happens to that administrator.
type AdministratorAppointed struct {
	Administrator string `json:"administrator"` // id of the client
}

// Appoints says who may do everything from now on.
func (e AdministratorAppointed) Appoints() domain.ClientID {
	return domain.ClientID(e.Administrator)
}

// ErrAppointed: there is, or has been, an administrator.
var ErrAppointed = &domain.Error{Kind: domain.Conflict, Code: "bootstrap-closed", Detail: "this log has had an administrator; bootstrap is closed for ever"}

// Stream is where the decision is made: of two who try, one is first.
func (c Appoint) Stream() domain.StreamID { return Stream }

// Decide appoints once.
func (c Appoint) Decide(p Platform, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case p.Administrator == c.Administrator:
		return nil, nil
	case p.Administrator != "":
		return nil, ErrAppointed
	}
	return []domain.Event{AdministratorAppointed(c)}, nil
}
