// Package projections folds the log into tables.
//
// A projection is a pure fold from events to rows. It holds no SQL, no time and
// no lookups, so that its rows are a function of the log alone and a rebuild
// gives the same bytes:
//
//	var Tenants = Table[Tenant]{
//		Name: "tenants", Version: 1,
//		Key:  func(r domain.Recorded) string { ... },              // which row
//		Fold: func(t Tenant, r domain.Recorded) (Tenant, bool) { ... }, // what becomes of it
//	}
//
// The [Engine] does the rest: it creates the tables, reads the log in pages,
// applies each page to every table together with the cursors in one
// transaction, stops what cannot go on, and rebuilds beside what is being read.
// DESIGN.md says why it is cut the way it is.
package projections
