package main

import "github.com/reeve-platform/reeve/domain"

// kinds are the kinds of error by the names they are declared with.
var kinds = map[string]domain.Kind{
	"Internal": domain.Internal, "Malformed": domain.Malformed, "Invalid": domain.Invalid, "Unauthenticated": domain.Unauthenticated,
	"Forbidden": domain.Forbidden, "NotFound": domain.NotFound, "Conflict": domain.Conflict, "Stale": domain.Stale, "Gone": domain.Gone,
	"Locked": domain.Locked, "Exhausted": domain.Exhausted, "Unavailable": domain.Unavailable,
}

func (e errorCode) asError() *domain.Error {
	return &domain.Error{Kind: kinds[e.kind], Code: e.code, Detail: e.detail}
}
