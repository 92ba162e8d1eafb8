package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/user"
)

// User is a row of the users table. Where its home hangs is not in the row:
// whoever asks looks it up.
type User struct {
	ID           domain.UserID       `db:"id,uuid" json:"id" doc:"The user."`
	Owner        string              `db:"owner,text" json:"-"`
	Home         domain.NodeID       `db:"home,text" json:"home" doc:"Node it belongs to: platform, or the id of an integrator or tenant."`
	IntegratorID domain.IntegratorID `db:"integrator_id,text" json:"integratorId,omitempty" doc:"Integrator in which its login is unique; none for users of the platform."`
	Kind         user.Kind           `db:"kind,text" json:"kind" enum:"member,end_customer,service" doc:"What sort of user it is."`
	Login        string              `db:"login,text" json:"login" doc:"E-mail address."`
	Name         string              `db:"name,text" json:"name,omitempty" doc:"Name for people."`
	Status       user.Status         `db:"status,text" json:"status" enum:"invited,active,deactivated" doc:"Where in its own life it is."`
	StandingBy   cascade.Origin      `db:"standing_by,json" json:"standingBy" doc:"The fact that gave it this status."`
	Issuer       string              `db:"issuer,text" json:"issuer,omitempty" doc:"Issuer that it signs in at."`
	Subject      string              `db:"subject,text" json:"subject,omitempty" doc:"How the issuer knows it."`
	Revision     int64               `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position     int64               `db:"position,bigint" json:"-"`
	CreatedAt    time.Time           `db:"created_at,timestamptz" json:"createdAt" doc:"When it was invited."`
	UpdatedAt    time.Time           `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// StreamRevision is the revision an If-Match must name.
func (u User) StreamRevision() uint64 { return uint64(u.Revision) }

// Users has one row for each user that was ever invited.
var Users = Table[User]{
	Name: "users", Version: 1, Seen: Owners,
	Indexes: []string{"home", "lower(login)", "created_at, id"},
	Key:     func(r domain.Recorded) string { return subject(r, "user-") },
	Fold: func(u User, r domain.Recorded) (User, bool) {
		u = u.evolve(r)
		u.Revision, u.Position, u.UpdatedAt = int64(r.Revision), int64(r.Position), r.Meta.At
		return u, u.ID != ""
	},
}

func (u User) evolve(r domain.Recorded) User {
	switch e := r.Event.(type) {
	case user.Invited:
		u.ID, u.Owner, u.CreatedAt = e.User, string(e.Profile.Home), r.Meta.At
		u.Home, u.IntegratorID, u.Kind = e.Profile.Home, e.Profile.Integrator, e.Profile.Kind
		u.Login, u.Name = text(e.Profile.Login), text(e.Profile.Name)
		u = u.linked(e.Identity)
	case user.Activated:
		u = u.linked(e.Identity)
	}
	if _, ok := r.Event.(domain.Stands); ok {
		u.Status, u.StandingBy = user.User{Status: u.Status}.Evolve(r.Event).Status, cascade.OriginOf(r)
	}
	return u
}

func (u User) linked(i *user.Identity) User {
	if i != nil {
		u.Issuer, u.Subject = text(i.Issuer), text(i.Subject)
	}
	return u
}
