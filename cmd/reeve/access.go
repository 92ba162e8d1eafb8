package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/live"
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

// holds reports whether somebody has a permission at a node now.
func (s *server) holds(who string, what domain.Permission, at domain.NodeID) bool {
	return s.source.Access.Decide(who, domain.PermissionsOf(what), at, time.Now()) == access.Allowed
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
	Node     domain.NodeID       `yaml:"node"`    // whose users it knows; the platform if left out
	Scopes   []domain.Permission `yaml:"scopes"`  // what its tokens are good for at most
}

// issuers reads the file. A name of a permission that nobody knows is refused. How
// fetches of keys end is told to whatever fetched gives for an issuer.
func (a admission) issuers(fetched func(issuer string) func(error)) ([]*auth.Trusted, error) {
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
	seen := map[string]bool{}
	for _, i := range list {
		for _, p := range i.Scopes {
			if !p.Known() {
				return nil, errConfig{"REEVE_ISSUERS_FILE", string(p) + " is no permission"}
			}
		}
		if i.Issuer == "" || i.Audience == "" {
			return nil, errConfig{"REEVE_ISSUERS_FILE", "each issuer needs issuer and audience"}
		}
		if seen[i.Issuer] { // one of the two would be believed for users that only the other one knows
			return nil, errConfig{"REEVE_ISSUERS_FILE", i.Issuer + " is there twice"}
		}
		seen[i.Issuer] = true
		out = append(out, auth.Trust(auth.External{Issuer: i.Issuer, Audience: i.Audience, Type: i.Type, Subject: i.Subject, Node: i.Node, Scopes: domain.PermissionsOf(i.Scopes...), Fetched: fetched(i.Issuer)}))
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
	book      *flag.Book
	replica   *live.Replica
	endpoints *auth.Endpoints
	observer  *auth.Observer
}

// openAccess begins to mirror the log. Signing keys are sealed with the key.
func (s *server) openAccess(key []byte) (err error) {
	if s.sealer, err = auth.NewSealer(key); err != nil {
		return errConfig{"REEVE_KEK_FILE", err.Error()}
	}
	s.directory, s.model, s.book = auth.NewDirectory(), access.NewModel(), flag.NewBook()
	s.census = access.NewCensus()
	s.mirror = auth.NewMirror(s.model, s.directory, s.census)
	s.mirror.Beside(s.book)
	if s.replica, err = live.Open(live.Options{
		Path: filepath.Join(s.DataDir, "replica"), Key: key, Registry: events.Registry, Logger: s.log,
		Concerns: func(s domain.StreamID) bool { return auth.Concerns(s) || flag.Concerns(s) },
	}); err != nil {
		return errConfig{"REEVE_DATA_DIR", err.Error()}
	}
	s.closing(s.replica.Close)
	s.mirror.Lasts(s.AloneFor)
	if at := s.replica.AsOf(); at.IsZero() || s.replica.Position() == 0 {
		s.hardy = false // there is nothing to go by, or nobody knows how old it is
	} else {
		s.mirror.Confirm(at)
	}
	s.meter.aging(s.mirror.Age)
	s.run.Go(s.remember)
	s.run.Go(s.compare)
	return nil
}

// remember keeps the models in memory up to date. A copy of another log ends the
// server; what else goes wrong lets nobody in. If that is a fact which this build
// cannot read, a newer build helps and a restart does not.
func (s *server) remember() error {
	err := s.mirror.Follow(s.replica.Through(s.ctx, s.store))
	switch {
	case s.ctx.Err() != nil:
		return nil //nolint:nilerr // it was told to end
	case errors.Is(err, live.ErrForeign):
		return err
	case err != nil:
		s.log.Error("nobody is let in any more", "error", err)
	}
	return nil
}

// openDoor puts the guard together once it is known where the API is reached.
func (s *server) openDoor() error {
	trusted, err := s.issuers(s.keysFetched)
	if err != nil {
		return err
	}
	for _, t := range trusted {
		if issuer, at := t.Vouches(); s.model.Own(at) == domain.Absent {
			s.log.Warn("an issuer vouches for nobody: there is no such node yet", "issuer", issuer, "node", at)
		}
		s.run.Go(func() error { t.Run(s.ctx); return nil })
	}
	o := auth.Options{Issuer: s.PublicURL, Trusted: trusted}
	if o.Issuer == "" {
		o.Issuer = s.scheme() + "://" + s.HTTPAddr
	}
	s.observe()
	s.count()
	verifier := auth.NewVerifier(s.directory, o)
	s.guard = auth.NewGuard(verifier, s.model, s.mirror)
	s.endpoints = auth.NewEndpoints(s.directory, auth.NewIssuer(s.directory, s.sealer, o), verifier, o,
		auth.Hooks{Admit: s.guard.Usable, Caller: s.guard.Caller, Revoke: s.revokeToken})
	return nil
}

// keysFetched has fetches of an issuer's keys counted, and says so once when they
// begin to fail and when they work again: until then new keys of it are not believed,
// and after a day none.
func (s *server) keysFetched(issuer string) func(error) {
	failing := false
	return func(err error) {
		s.meter.fetched(issuer, err)
		switch {
		case err != nil && !failing:
			s.log.Warn("the keys of an issuer cannot be fetched", "issuer", issuer, "error", err)
		case err == nil && failing:
			s.log.Info("the keys of an issuer are fetched again", "issuer", issuer)
		}
		failing = err != nil
	}
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
