package main

import (
	"crypto/tls"
	"errors"
	"maps"
	"slices"

	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/renewal"
	"github.com/reeve-platform/reeve/readapi"
)

// transport is how the API is reached, and how much may be asked of it.
type transport struct {
	TLSCert        string       `name:"tls-cert" env:"REEVE_TLS_CERT" help:"PEM file with the certificate of the API; with it the API speaks TLS and may listen on any address."`
	TLSKey         string       `name:"tls-key" env:"REEVE_TLS_KEY" help:"PEM file with the certificate's key."`
	TrustedProxies edge.Proxies `env:"REEVE_TRUSTED_PROXIES" help:"Addresses or CIDR prefixes of proxies that speak TLS for the API; their X-Forwarded-* headers count, and plaintext may be served on any address."`

	RatePrincipal edge.Rate `env:"REEVE_RATE_PRINCIPAL" default:"500/s burst 1000" help:"How often each user, client or API key may ask, such as '200/s burst 400'; off for any."`
	RateTenant    edge.Rate `env:"REEVE_RATE_TENANT" default:"2000/s burst 4000" help:"How often all callers of one tenant or integrator together may ask."`
	RateAnonymous edge.Rate `env:"REEVE_RATE_ANONYMOUS" default:"20/s burst 100" help:"How often each address may ask without being known; refused credentials count five times."`

	CloseIntrospection bool `env:"REEVE_CLOSE_INTROSPECTION" help:"Answer GraphQL introspection to nobody; API keys are never answered."`

	Concurrent       uint16 `env:"REEVE_CONCURRENT" default:"256" help:"How many requests may be under way at once; 0 for any."`
	ConcurrentTenant uint16 `env:"REEVE_CONCURRENT_TENANT" default:"64" help:"How many of these may be of one tenant; 0 for any."`
	ConcurrentHouse  uint16 `name:"concurrent-integrator" env:"REEVE_CONCURRENT_INTEGRATOR" default:"128" help:"How many of these may be of one integrator and its tenants together; 0 for any."`

	Connections        uint16 `env:"REEVE_CONNECTIONS" default:"4096" help:"How many connections may be open at once to the API, and to the admin address; 0 for any."`
	Streams            uint16 `env:"REEVE_STREAMS" default:"2000" help:"How many clients may follow notices about flags at once, half of them of one principal; 0 for none."`
	ConnectionsAddress uint16 `env:"REEVE_CONNECTIONS_ADDRESS" default:"512" help:"How many of these may be from one address, or one /64 of IPv6; trusted proxies have any number. 0 for any."`
}

// check refuses halves of a pair, and files that cannot be read, before anything
// is opened.
func (c transport) check() error {
	switch {
	case c.TLSCert == "" && c.TLSKey != "":
		return errConfig{"REEVE_TLS_CERT", "is not set, but REEVE_TLS_KEY is"}
	case c.TLSCert != "" && c.TLSKey == "":
		return errConfig{"REEVE_TLS_KEY", "is not set, but REEVE_TLS_CERT is"}
	case c.TLSCert == "":
		return nil
	}
	if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
		return errConfig{"REEVE_TLS_CERT, REEVE_TLS_KEY", err.Error()}
	}
	return nil
}

// checkAddr lets the API be reached from elsewhere where what is said to it is
// encrypted: by itself, or by a proxy.
func (c transport) checkAddr(addr string) error {
	err := edge.CheckAddr(addr)
	if _, far := errors.AsType[*edge.NotLoopbackError](err); far {
		if c.open() {
			return nil
		}
		return errConfig{"REEVE_HTTP_ADDR", addr + " can be reached from outside this machine: set REEVE_TLS_CERT and REEVE_TLS_KEY, or REEVE_TRUSTED_PROXIES if a proxy speaks TLS for it"}
	}
	if err != nil {
		return errConfig{"REEVE_HTTP_ADDR", err.Error()}
	}
	return nil
}

func (c transport) open() bool { return c.TLSCert != "" || len(c.TrustedProxies) > 0 }

func (c transport) scheme() string {
	if c.TLSCert != "" {
		return "https"
	}
	return "http"
}

// receive says how the surfaces receive requests.
func (c transport) receive(o edge.Options) edge.Options {
	o.Proxies = c.TrustedProxies
	o.Limits = edge.Limits{
		Principal: c.RatePrincipal, Tenant: c.RateTenant, Anonymous: c.RateAnonymous,
		Running: int(c.Concurrent), Share: int(c.ConcurrentTenant), House: int(c.ConcurrentHouse),
	}
	o.Opaque = auth.ByKey
	if c.CloseIntrospection {
		o.Opaque = func(edge.Caller) bool { return true }
	}
	o.Proving = append([]string{bootstrapPath}, auth.Proving...)
	o.Dialects = map[string]edge.Dialect{"/ofrep/": readapi.RefuseOFREP, readapi.FlagdPath: readapi.RefuseFlagd, readapi.FlagdPathV1: readapi.RefuseFlagd, readapi.FlagdSyncPath: readapi.RefuseFlagd}
	o.Shared = slices.Collect(maps.Keys(o.Dialects))
	return o
}

// crowd says how many may be connected.
func (c transport) crowd() edge.Crowd {
	return edge.Crowd{Most: int(c.Connections), Share: int(c.ConnectionsAddress), Apart: c.TrustedProxies}
}

// listen opens the API and the admin address, which has figures for whoever
// reaches it and is therefore for this machine only.
func (s *server) listen([]byte) error {
	open := edge.Listen
	if s.open() {
		open = edge.ListenAnywhere
	}
	config, err := s.tls()
	if err != nil {
		return err
	}
	api, err := open(s.HTTPAddr)
	if err != nil {
		return err
	}
	admin, err := edge.Listen(s.AdminAddr)
	if err != nil {
		_ = api.Close()
		return err
	}
	crowd := s.crowd()
	api, admin = crowd.Limit(api), crowd.Limit(admin)
	s.HTTPAddr, s.AdminAddr = api.Addr().String(), admin.Addr().String()
	if err := s.openDoor(); err != nil {
		return errors.Join(err, api.Close(), admin.Close())
	}
	s.serve(api, s.routes(), config)
	s.serve(admin, edge.Hardened(s.watched(s.meter.routes()), adminBody), nil)
	return nil
}

// tls is nil for an API that speaks plaintext.
func (s *server) tls() (*tls.Config, error) {
	if s.TLSCert == "" {
		return nil, nil
	}
	c, err := renewal.Open(s.TLSCert, s.TLSKey)
	if err != nil {
		return nil, err
	}
	s.run.Go(func() error { c.Follow(s.ctx, s.log); return nil })
	return c.Config("h2", "http/1.1"), nil
}
