// Package verbs is the command line's side of the public API. It reads both
// catalogues as everybody else at the border does: each entry becomes a verb with
// a flag for every member of its input, asks a running server over HTTP and
// prints what the server answered. Nothing here is written for one command.
//
//	reeve tenant suspend 6f9619ff-8b86-4011-b42d-00c04fc964ff --cause billing
//	reeve tenant list --status suspended -o json
//
// What makes sense is for the server to judge, so that a wrong value has the same
// code here as over REST and GraphQL.
package verbs
