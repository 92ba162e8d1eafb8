package user

import "github.com/reeve-platform/reeve/domain"

// Reactivate gives a deactivated user back what it could do.
type Reactivate struct {
	User domain.UserID `json:"user" path:"user" doc:"The user."`
}

// Reactivated: the user may again do what its roles allow.
type Reactivated struct {
	User domain.UserID `json:"user"`
}

// Stands says that the user is in use.
func (e Reactivated) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.User), StatusActive.Standing()
}

// Change gives both statuses.
func (e Reactivated) Change() (before, after any) { return StatusDeactivated, StatusActive }

// Becomes is whom the command lets somebody be again: whoever gives a user back what
// it could do must have it, or could undo what somebody above has done.
func (c Reactivate) Becomes() domain.UserID { return c.User }

// Stream names the user's history.
func (c Reactivate) Stream() domain.StreamID { return Stream(c.User) }

// Decide applies the rule.
func (c Reactivate) Decide(u User, _ domain.Meta) ([]domain.Event, error) {
	switch u.Status {
	case StatusActive:
		return nil, nil
	case StatusDeactivated:
		return []domain.Event{Reactivated{c.User}}, nil
	}
	return nil, u.refused("reactivated")
}
