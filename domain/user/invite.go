package user

import (
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Invite brings a user into being at a home. It can be granted roles at once, but
// can do nothing before it is activated.
type Invite struct {
	User     domain.UserID `json:"user,omitempty" doc:"Id for the new user; a random one if left out."`
	Home     domain.NodeID `json:"home" doc:"Where the user belongs: platform, or the id of an integrator or tenant."`
	Kind     Kind          `json:"kind,omitempty" enum:"member,end_customer,service" default:"member" doc:"What sort of user it is."`
	Login    string        `json:"login" format:"email" minLength:"3" maxLength:"254" doc:"E-mail address, which no other user of the same integrator has."`
	Name     string        `json:"name,omitempty" maxLength:"200" doc:"Name for people."`
	Identity *Identity     `json:"identity,omitempty" doc:"How the issuer that the user signs in at knows it."`
}

// Invited: a user exists, and waits for its first sign-in.
type Invited struct {
	User     domain.UserID `json:"user"`
	Profile  Profile       `json:"profile"`
	Identity *Identity     `json:"identity,omitempty"`
}

// ErrHomeClosed: nobody new can belong to a node that is kept for the record only.
var ErrHomeClosed = &domain.Error{Kind: domain.Conflict, Code: "home-closed", Detail: "the home is archived, pending deletion or has ended"}

// Stands says that the user waits for its activation.
func (e Invited) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.User), StatusInvited.Standing()
}

// Placed says that the user hangs below its home.
func (e Invited) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return domain.NodeID(e.User), domain.UserLevel, e.Profile.Home
}

// Identifies says who the user is elsewhere.
func (e Invited) Identifies() (domain.UserID, string, string) { return identifies(e.User, e.Identity) }

// Change gives what came into being.
func (e Invited) Change() (before, after any) { return nil, e.Profile }

func identifies(user domain.UserID, i *Identity) (domain.UserID, string, string) {
	if i == nil {
		return "", "", ""
	}
	return user, i.Issuer, i.Subject
}

// Settles says that there is one user more.
func (c Invite) Settles() (domain.Population, domain.NodeID) { return domain.Users, c.Home }

// Named gives the user its id.
func (c Invite) Named(id uuid.UUID) Invite {
	c.User = domain.UserID(id.String())
	return c
}

// Chosen is the id the caller chose.
func (c Invite) Chosen() string { return string(c.User) }

// Links is at which issuer the user will be known, if at any, and where it will be at home.
func (c Invite) Links() (issuer string, at domain.NodeID) { return c.Identity.issuer(), c.Home }

// Stream names the user's history.
func (c Invite) Stream() domain.StreamID { return Stream(c.User) }

// Reads names whatever tells what the home is.
func (c Invite) Reads(User) []domain.StreamID {
	if c.Home == domain.PlatformID || c.Home == "" {
		return nil
	}
	return []domain.StreamID{domain.IntegratorStream(domain.IntegratorID(c.Home)), domain.TenantStream(domain.TenantID(c.Home))}
}

// Claims takes the login and the identity.
func (c Invite) Claims(before User, facts []domain.Event) (take, release []domain.Claim) {
	return claims(before, facts)
}

// Decide applies the rule.
func (c Invite) Decide(u User, _ domain.Meta) ([]domain.Event, error) {
	p, err := c.profile(u)
	switch {
	case u.Status == StatusInvited && u.Profile == p && u.Identity.equal(c.Identity):
		return nil, nil
	case u.Status != StatusAbsent:
		return nil, u.refused("invited again")
	case err != nil:
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := c.Identity.check(); err != nil {
		return nil, err
	}
	return []domain.Event{Invited{c.User, p, c.Identity}}, nil
}

// profile finds the home. A user that hangs below the platform is no home: users
// have no users.
func (c Invite) profile(u User) (Profile, error) {
	p := Profile{Home: c.Home, Kind: c.Kind, Login: c.Login, Name: c.Name}
	if p.Kind == "" {
		p.Kind = Member
	}
	if c.Home == domain.PlatformID {
		return p, nil
	}
	h := u.homes[c.Home]
	switch h.level {
	case domain.IntegratorLevel:
		p.Integrator = domain.IntegratorID(c.Home)
	case domain.TenantLevel:
		p.Integrator = domain.IntegratorID(h.parent)
	default:
		return p, domain.ErrNodeNotFound.At("/home", "must be the platform, an integrator or a tenant")
	}
	if h.standing == domain.Closed || h.standing == domain.Ended {
		return p, ErrHomeClosed
	}
	return p, nil
}
