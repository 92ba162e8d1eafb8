//go:build generate

package exec

import "github.com/99designs/gqlgen/graphql"

// schema stands in for the generated code while that is generated anew: the
// program that describes the schema must build even if the code does not.
func schema() graphql.ExecutableSchema { panic("built to generate, not to serve") }
