package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/signing"
)

// SigningKey is a row of the signing_keys table: one key that access tokens are
// or were signed with, as far as everybody may know it.
type SigningKey struct {
	Kid       string     `db:"kid,text" json:"kid" doc:"Name of the key."`
	Owner     string     `db:"owner,text" json:"-"`
	Alg       string     `db:"alg,text" json:"alg" enum:"RS256,ES256,EdDSA" doc:"Algorithm it signs with."`
	SignsFrom time.Time  `db:"signs_from,timestamptz" json:"signsFrom" doc:"From when on tokens are signed with it."`
	Before    string     `db:"before,text" json:"before,omitempty" doc:"Key it takes over from."`
	RetiredAt *time.Time `db:"retired_at,timestamptz" json:"retiredAt,omitempty" doc:"When it was retired, if it was."`
	Position  int64      `db:"position,bigint" json:"-"`
	CreatedAt time.Time  `db:"created_at,timestamptz" json:"createdAt" doc:"When it was made."`
}

// SigningKeys has one row for each key that was ever made.
var SigningKeys = Table[SigningKey]{
	Name: "signing_keys", Version: 1, Seen: Owners,
	Key: func(r domain.Recorded) string {
		switch e := r.Event.(type) {
		case signing.Rotated:
			return text(e.Key.Kid)
		case signing.Retired:
			return text(e.Kid)
		}
		return ""
	},
	Fold: func(k SigningKey, r domain.Recorded) (SigningKey, bool) {
		switch e := r.Event.(type) {
		case signing.Rotated:
			k.Kid, k.Owner, k.Alg, k.Before = text(e.Key.Kid), string(domain.PlatformID), text(e.Key.Alg), text(e.Before)
			k.SignsFrom, k.CreatedAt = e.SignsFrom, r.Meta.At
		case signing.Retired:
			k.RetiredAt = &r.Meta.At
		}
		k.Position = int64(r.Position)
		return k, k.Kid != ""
	},
}
