package user

import "github.com/reeve-platform/reeve/domain"

// Deactivate takes everything a user may do away, until it is reactivated. Its
// roles stay as they are.
type Deactivate struct {
	User   domain.UserID `json:"user" path:"user" doc:"The user."`
	Reason string        `json:"reason,omitempty" maxLength:"500" doc:"Why, for those who will ask."`
}

// Deactivated: the user can do nothing.
type Deactivated struct {
	User   domain.UserID `json:"user"`
	From   Status        `json:"from"`
	Reason string        `json:"reason,omitempty" pii:"person"`
}

// ErrAdministrator: a platform administrator must stop being one first.
//
// That there is always one is a rule about grants, and they are all in one
// history, where two revocations cannot pass each other. Deactivations are in as
// many histories as there are users: two administrators who deactivate each other
// at the same moment would each still see the other. So nobody is deactivated
// while being an administrator for good; the role has to be revoked first, and the
// last one's cannot be.
var ErrAdministrator = &domain.Error{Kind: domain.Conflict, Code: "user-administers-platform", Detail: "the user is a platform administrator; revoke that role first"}

// Stands says that the user must not be used.
func (e Deactivated) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.User), StatusDeactivated.Standing()
}

// Change gives both statuses.
func (e Deactivated) Change() (before, after any) { return e.From, StatusDeactivated }

// Stream names the user's history.
func (c Deactivate) Stream() domain.StreamID { return Stream(c.User) }

// Reads names the grants at the platform, which only its own users can have.
func (c Deactivate) Reads(u User) []domain.StreamID {
	if u.Profile.Home != domain.PlatformID {
		return nil
	}
	return []domain.StreamID{domain.AccessStream(domain.PlatformID)}
}

// Decide applies the rule.
func (c Deactivate) Decide(u User, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case u.Status == StatusDeactivated:
		return nil, nil
	case u.Status == StatusAbsent:
		return nil, u.refused("deactivated")
	case u.administers:
		return nil, ErrAdministrator
	case c.Reason != "" && domain.CheckText(c.Reason, maxReason) != nil:
		return nil, domain.ErrText.At("/reason", "a reason of at most 500 characters")
	}
	return []domain.Event{Deactivated{c.User, u.Status, c.Reason}}, nil
}
