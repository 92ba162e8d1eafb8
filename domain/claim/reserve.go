package claim

import (
	"slices"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Reserve takes a value for a stream, until the fact that will hold it is written.
type Reserve struct {
	Name    domain.StreamID `json:"name" doc:"Stream of the value."`
	Kind    string          `json:"kind" doc:"What the value is, such as tenant-slug."`
	Holder  domain.StreamID `json:"holder" doc:"Stream that will hold the value."`
	Command uuid.UUID       `json:"command" doc:"Event id of the fact that will hold the value."`
}

// Reserved: nobody but the holder may take the value.
type Reserved struct {
	Kind    string          `json:"kind"`
	Holder  domain.StreamID `json:"holder"`
	Command uuid.UUID       `json:"command"` // event id of the fact that will hold the value
}

var (
	// ErrSlugTaken: another tenant has the slug.
	ErrSlugTaken = &domain.Error{Kind: domain.Conflict, Code: "slug-taken", Detail: "another tenant has that slug"}
	// ErrBusinessNameTaken: another integrator has the business name.
	ErrBusinessNameTaken = &domain.Error{Kind: domain.Conflict, Code: "business-name-taken", Detail: "another integrator has that business name"}
	// ErrLoginTaken: another user of the same integrator signs in by that name.
	ErrLoginTaken = &domain.Error{Kind: domain.Conflict, Code: "login-taken", Detail: "another user of the same integrator has that login"}
	// ErrIdentityTaken: the identity at the issuer is another user's.
	ErrIdentityTaken = &domain.Error{Kind: domain.Conflict, Code: "identity-taken", Detail: "that identity belongs to another user"}
	// ErrValueTaken: somebody else has the value.
	ErrValueTaken = &domain.Error{Kind: domain.Conflict, Code: "value-taken", Detail: "somebody else has that value"}
)

// Stream names the value's history.
func (c Reserve) Stream() domain.StreamID { return c.Name }

// Decide applies the rule. A holder that reserves again for another fact waits
// for both: whichever comes, it has the value.
func (c Reserve) Decide(v Value, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case v.Status != StatusFree && v.Holder != c.Holder:
		return nil, taken(c.Kind)
	case v.Status == StatusConfirmed, slices.Contains(v.Facts, c.Command):
		return nil, nil
	}
	return []domain.Event{Reserved{c.Kind, c.Holder, c.Command}}, nil
}

// taken is the answer that whoever asked for the value understands.
func taken(kind string) error {
	switch kind {
	case "tenant-slug":
		return ErrSlugTaken
	case "integrator-name":
		return ErrBusinessNameTaken
	case "user-login":
		return ErrLoginTaken
	case "user-identity":
		return ErrIdentityTaken
	}
	return ErrValueTaken
}
