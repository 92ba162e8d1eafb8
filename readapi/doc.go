// Package readapi answers questions from the read models.
//
// A query is a struct of its parameters with one method, Run, which is one
// statement. The row it answers with is the row of the table. [Catalog] lists
// every query once; REST, GraphQL, the command line and the documents are read
// off it. Flag evaluation for OpenFeature clients ([OFREP]) speaks its own
// protocol and stands beside the catalogue.
package readapi
