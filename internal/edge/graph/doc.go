// Package graph is the GraphQL surface, read off the same catalogues as REST.
//
// [Describe] gives the schema: a query is a field of Query, a command a field of
// Mutation, an input struct an input type and an answer struct a type. Beside it
// stands what a generator must know to bind those types to the Go structs they were
// read from; what it generates is package exec, which [Mount] serves. A
// [Relation] is what GraphQL has and REST does not: a field that leads from one
// answer to another, loaded for all answers of a document at once.
//
// Whatever the language itself does not check is left to package edge, so that
// the same mistake has the same code on every surface. The schema stays inside
// the grammar of June 2018; enumerations are strings for the reason above.
package graph
