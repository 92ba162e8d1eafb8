package main

import (
	"context"
	"os"
	"reflect"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
)

// admission is who may come in.
type admission struct {
	PublicURL   string `name:"public-url" env:"REEVE_PUBLIC_URL" help:"How the API is reached from outside, such as https://reeve.example; tokens name it as their issuer. Where it listens, if left out."`
	IssuersFile string `name:"issuers-file" env:"REEVE_ISSUERS_FILE" help:"YAML file with the OpenID Connect issuers whose access tokens are good for users that are linked to them."`
}

// population is how many each node takes in of whom the server remembers all.
type population struct {
	NodeClients uint32 `env:"REEVE_NODE_CLIENTS" default:"1000" help:"How many OAuth clients a node may have that are not disabled; 0 for any."`
	NodeKeys    uint32 `env:"REEVE_NODE_KEYS" default:"1000" help:"How many API keys a node may have that are not revoked; 0 for any."`
	NodeUsers   uint32 `env:"REEVE_NODE_USERS" default:"100000" help:"How many users may have been invited to a node; 0 for any."`
}

// room refuses one more where there are as many as may be.
func (s *server) room(sort domain.Population, at domain.NodeID) error {
	most := map[domain.Population]uint32{domain.Clients: s.NodeClients, domain.APIKeys: s.NodeKeys, domain.Users: s.NodeUsers}[sort]
	if most > 0 && s.census.Count(sort, at) >= int(most) {
		return domain.ErrNodeFull
	}
	return nil
}

// A foreignIssuer is one item of the file with issuers.
type foreignIssuer struct {
	Issuer   string              `yaml:"issuer"`
	Audience string              `yaml:"audience"`
	Type     string              `yaml:"type"`    // typ of its access tokens
	Subject  string              `yaml:"subject"` // claim that users are linked by
	Scopes   []domain.Permission `yaml:"scopes"`  // what its tokens are good for at most
}

// issuers reads the file. A name of a permission that nobody knows is refused.
func (a admission) issuers() ([]*auth.Trusted, error) {
	if a.IssuersFile == "" {
		return nil, nil
	}
	f, err := os.Open(a.IssuersFile)
	if err != nil {
		return nil, errConfig{"REEVE_ISSUERS_FILE", err.Error()}
	}
	defer f.Close()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	var list []foreignIssuer
	if err := d.Decode(&list); err != nil {
		return nil, errConfig{"REEVE_ISSUERS_FILE", err.Error()}
	}
	var out []*auth.Trusted
	for _, i := range list {
		for _, p := range i.Scopes {
			if !p.Known() {
				return nil, errConfig{"REEVE_ISSUERS_FILE", string(p) + " is no permission"}
			}
		}
		if i.Issuer == "" || i.Audience == "" {
			return nil, errConfig{"REEVE_ISSUERS_FILE", "each issuer needs issuer and audience"}
		}
		out = append(out, auth.Trust(auth.External{Issuer: i.Issuer, Audience: i.Audience, Type: i.Type, Subject: i.Subject, Scopes: domain.PermissionsOf(i.Scopes...)}))
	}
	return out, nil
}

// A doorway is everything that decides who may come in, fed from the log.
type doorway struct {
	sealer    *auth.Sealer
	directory *auth.Directory
	model     *access.Model
	census    *access.Census
	mirror    *auth.Mirror
	guard     *auth.Guard
	endpoints *auth.Endpoints
	observer  *auth.Observer
}

// openAccess begins to mirror the log. Signing keys are sealed with the key.
func (s *server) openAccess(key []byte) (err error) {
	if s.sealer, err = auth.NewSealer(key); err != nil {
		return errConfig{"REEVE_KEK_FILE", err.Error()}
	}
	s.directory, s.model = auth.NewDirectory(), access.NewModel()
	s.census = access.NewCensus()
	s.mirror = auth.NewMirror(s.model, s.directory, s.census)
	s.run.Go(func() error {
		if err := s.mirror.Follow(s.ctx, s.store); err != nil && s.ctx.Err() == nil {
			s.log.Error("nobody is let in any more", "error", err) // a restart would not read it either
		}
		return nil
	})
	return nil
}

// catchUp waits until the mirror shows everything that is in the log now: before
// that, somebody whose rights have ended might be let in.
func (s *server) catchUp([]byte) error {
	head, err := s.store.Head(s.ctx)
	if err != nil {
		return err
	}
	return s.mirror.Await(s.ctx, head)
}

// openDoor puts the guard together once it is known where the API is reached.
func (s *server) openDoor() error {
	trusted, err := s.issuers()
	if err != nil {
		return err
	}
	for _, t := range trusted {
		s.run.Go(func() error { t.Run(s.ctx); return nil })
	}
	o := auth.Options{Issuer: s.PublicURL, Trusted: trusted}
	if o.Issuer == "" {
		o.Issuer = s.scheme() + "://" + s.HTTPAddr
	}
	s.observe()
	verifier := auth.NewVerifier(s.directory, o)
	s.guard = auth.NewGuard(verifier, s.model, s.mirror)
	s.endpoints = auth.NewEndpoints(s.directory, auth.NewIssuer(s.directory, s.sealer, o), verifier, o,
		auth.Hooks{Admit: s.guard.Usable, Revoke: s.revokeToken})
	return nil
}

// revokeToken records that a token must not be believed any more, and answers when
// it is not.
func (s *server) revokeToken(ctx context.Context, by domain.ClientID, jti string, expires time.Time) error {
	r := commands.SystemRequest("revoked by its client")
	r.Meta.Actor = domain.Actor{ID: string(by), Type: auth.Service}
	receipt, err := commands.Handle(ctx, s.ledger, "revokeToken", client.RevokeToken{Client: by, JTI: jti, Expires: expires}, r)
	if err != nil {
		return err
	}
	return s.mirror.Await(ctx, receipt.Position)
}

// decisive are the stored names of the facts that change who may do what: all that
// tell of nodes, their standing, users, roles and credentials.
var decisive = func() map[string]bool {
	names := map[string]bool{}
	for _, d := range slices.Concat(access.Events, apikey.Events, client.Events, signing.Events, user.Events) {
		names[d.Name] = true
	}
	for _, d := range events.Registry.Definitions() {
		switch reflect.Zero(d.Type).Interface().(type) {
		case domain.Placed, domain.Stands, domain.Empowers, domain.Houses:
			names[d.Name] = true
		}
	}
	return names
}()

// inForce has commands that change who may do what answered when the guard knows of
// it, so that their callers can count on it. What is recorded stays recorded if that
// takes too long; then the answer does, too.
func (s *server) inForce(entries []edge.Served) []edge.Served {
	for i, e := range entries {
		if !e.Writes {
			continue
		}
		entries[i].Call = func(ctx context.Context, bind edge.Bind, r edge.Request) (edge.Answer, error) {
			a, err := e.Call(ctx, bind, r)
			receipt, ok := a.Body.(domain.Receipt)
			if err == nil && ok && slices.ContainsFunc(receipt.Events, func(name string) bool { return decisive[name] }) {
				err = s.mirror.Await(ctx, a.Position)
			}
			return a, err
		}
	}
	return entries
}
