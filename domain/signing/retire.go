package signing

import "github.com/reeve-platform/reeve/domain"

// Retire stops believing what was signed with a key, at once. It is for keys
// that somebody else may have got hold of; others end by themselves.
type Retire struct {
	Key string `json:"key" path:"key" minLength:"1" maxLength:"64" doc:"Name of the key, its kid."`
}

// Retired: signatures of the key are worth nothing.
type Retired struct {
	Kid string `json:"kid"`
}

// Stream names the history of all keys.
func (c Retire) Stream() domain.StreamID { return Stream }

// Decide applies the rule. What has ended needs no retirement.
func (c Retire) Decide(k Keys, m domain.Meta) ([]domain.Event, error) {
	for _, t := range k.Terms {
		switch {
		case t.Kid != c.Key:
		case t == k.newest():
			return nil, ErrInUse
		case !t.live(m.At):
			return nil, nil
		default:
			return []domain.Event{Retired{c.Key}}, nil
		}
	}
	return nil, ErrNotFound
}
