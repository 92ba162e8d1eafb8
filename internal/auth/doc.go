// Package auth finds out who makes a request, and gives out access tokens.
//
// A [Directory] is fed with the log and knows every OAuth client, API key,
// signing key, revoked token and linked external identity. A [Verifier] looks at
// the credential of a request and answers with a [Principal]: who it is, where it
// is bound to and what the credential allows at most. An [Issuer] signs access
// tokens (RFC 9068), and [Endpoints] is the OAuth 2.0 authorization server around
// it: client credentials, introspection, revocation, metadata and keys.
//
//	directory := auth.NewDirectory()                  // feed it: directory.Apply(recorded)
//	verifier := auth.NewVerifier(directory, auth.Options{Issuer: "https://reeve.example"})
//	principal, err := verifier.Authenticate(request)
//
// What a principal may really do at this moment is not decided here: the roles
// and standings of that are somebody else's. Nothing here asks a database.
package auth
