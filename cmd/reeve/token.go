package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

type tokenCommands struct {
	Mint   tokenMint   `cmd:"" help:"Print an access token, for curl and other programs."`
	Issuer tokenIssuer `cmd:"" help:"Print who issues the tokens, and where its keys are."`
}

type tokenMint struct {
	verbs.Where
	Scope []string `name:"scope" help:"What the token is good for, such as auth:flag:evaluate; all that the client may if left out."`
}

// Run signs in and prints the token, and nothing else.
func (c tokenMint) Run(ctx context.Context, t *terminal) error {
	client, err := c.ClientFor(c.Scope...)
	if err != nil {
		return err
	}
	token, err := client.Token(ctx)
	if err == nil && token == "" {
		err = verbs.ErrCredentials.With("there are no credentials to sign in with; name a file by --credentials or REEVE_CREDENTIALS")
	}
	if err == nil {
		fmt.Fprintln(t.out, token)
	}
	return err
}

type tokenIssuer struct {
	verbs.Where
}

// Run prints the metadata of the issuer (RFC 8414).
func (c tokenIssuer) Run(ctx context.Context, t *verbs.Terminal) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	answer, err := verbs.NewClient(c.Server).Send(ctx, verbs.Call{Method: "GET", Path: "/.well-known/oauth-authorization-server"})
	if err != nil {
		return err
	}
	var metadata map[string]any
	if err := json.Unmarshal(answer, &metadata); err != nil {
		return verbs.ErrUnexpectedAnswer.Because(err)
	}
	for _, name := range []string{"issuer", "token_endpoint", "jwks_uri"} {
		fmt.Fprintf(t.Out, "%s\t%v\n", name, metadata[name])
	}
	return nil
}
