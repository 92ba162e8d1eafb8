package claim

import (
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// CommandStream names the history of one keyed request. The digest is a keyed
// hash of the operation, the actor and the key.
func CommandStream(digest string) domain.StreamID { return domain.StreamID("cmd-" + digest) }

// ChooseIdentifier writes down which id a keyed request that creates something
// has chosen. The first choice stands, so that a retry creates the same thing.
type ChooseIdentifier struct {
	Name        domain.StreamID `json:"name" doc:"Stream of the keyed request."`
	ID          uuid.UUID       `json:"id" doc:"The id."`
	Fingerprint string          `json:"fingerprint" doc:"Hash of the request."`
}

// IdentifierChosen: the request creates the thing with this id, and no other.
type IdentifierChosen struct {
	ID          uuid.UUID `json:"id"`
	Fingerprint string    `json:"fingerprint"`
}

// Identifier is what is remembered of a keyed request.
type Identifier struct {
	ID          uuid.UUID // nil UUID if none was chosen
	Fingerprint string
}

// Evolve folds one event; the first choice stands.
func (i Identifier) Evolve(e domain.Event) Identifier {
	if e, ok := e.(IdentifierChosen); ok && i.ID == uuid.Nil {
		return Identifier(e)
	}
	return i
}

// Stream names the history of the keyed request.
func (c ChooseIdentifier) Stream() domain.StreamID { return c.Name }

// Decide applies the rule.
func (c ChooseIdentifier) Decide(i Identifier, _ domain.Meta) ([]domain.Event, error) {
	if i.ID != uuid.Nil {
		return nil, nil
	}
	return []domain.Event{IdentifierChosen{c.ID, c.Fingerprint}}, nil
}
