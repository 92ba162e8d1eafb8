package user

import "github.com/reeve-platform/reeve/domain"

// Activate lets an invited user do what its roles allow. Whoever lets it sign in
// through an issuer links its identity there now, unless the invitation did.
type Activate struct {
	User     domain.UserID `json:"user" path:"user" doc:"The user."`
	Identity *Identity     `json:"identity,omitempty" doc:"How the issuer that the user signs in at knows it."`
}

// Activated: the user may do what its roles allow.
type Activated struct {
	User     domain.UserID `json:"user"`
	Identity *Identity     `json:"identity,omitempty"` // nil if it was linked before, or never
}

// Stands says that the user is in use.
func (e Activated) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.User), StatusActive.Standing()
}

// Identifies says who the user is elsewhere.
func (e Activated) Identifies() (domain.UserID, string, string) {
	return identifies(e.User, e.Identity)
}

// Change gives both statuses.
func (e Activated) Change() (before, after any) { return StatusInvited, StatusActive }

// Becomes is whom the command lets somebody be: who is linked to the user, now or by
// its invitation, can do whatever the user can.
func (c Activate) Becomes() domain.UserID { return c.User }

// Links is at which issuer the user is known from then on, none if that stays as it is.
func (c Activate) Links() (issuer string, at domain.NodeID) {
	return c.Identity.issuer(), domain.NodeID(c.User)
}

// Stream names the user's history.
func (c Activate) Stream() domain.StreamID { return Stream(c.User) }

// Claims takes the identity.
func (c Activate) Claims(before User, facts []domain.Event) (take, release []domain.Claim) {
	return claims(before, facts)
}

// Decide applies the rule. An identity is never exchanged for another: whoever
// could do that would be whom they like.
func (c Activate) Decide(u User, _ domain.Meta) ([]domain.Event, error) {
	linked := c.Identity == nil || c.Identity.equal(u.Identity)
	switch {
	case u.Status == StatusActive && linked:
		return nil, nil
	case u.Status != StatusInvited:
		return nil, u.refused("activated")
	case linked:
		return []domain.Event{Activated{User: c.User}}, nil
	case u.Identity != nil:
		return nil, ErrIdentityLinked
	}
	if err := c.Identity.check(); err != nil {
		return nil, err
	}
	return []domain.Event{Activated{c.User, c.Identity}}, nil
}
