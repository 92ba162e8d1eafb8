package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

const (
	allFlags  = "/ofrep/v1/evaluate/flags"
	bulkFlags = 200
)

// benchBulk evaluates 200 flags in one request over OFREP, for tenants that override
// some of them under an integrator that locks others, beside bare net/http answering the
// same bytes and beside another flag server, if there is one.
func benchBulk(ctx context.Context, p plan) ([]result, error) {
	w, err := open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer w.close()
	asks, answer, err := w.shelves(ctx, p)
	if err != nil {
		return nil, err
	}
	return w.beside(ctx, p, rivalry{"bulk of 200", "evaluations of all/s", allFlags, allFlags, asks, answer, 0.5, 18})
}

// A rivalry is one kind of evaluation, and how much faster than others it is to be.
type rivalry struct {
	name, unit   string
	path, theirs string // of the request, here and at the other flag server
	asks         [][]byte
	answer       []byte // to one of them
	bare, relay  float64
}

// beside has bare net/http answer the same bytes to the same requests, and another flag
// server, if there is one, evaluate like flags.
func (w *world) beside(ctx context.Context, p plan, r rivalry) ([]result, error) {
	bare, address, err := startHelper("http", string(r.answer))
	if err != nil {
		return nil, err
	}
	defer bare.stop()
	here := func(ctx context.Context) (*wire, error) { return w.dialFor(ctx, p, "auth:flag:evaluate") }
	contenders := []contender{
		{"reeve, OFREP", 0, func(ctx context.Context) (sample, error) { return askFor(ctx, p, here, w.cpu, r.path, either(r.asks)) }},
		{"bare net/http, the same bytes", r.bare, func(ctx context.Context) (sample, error) {
			return askFor(ctx, p, func(ctx context.Context) (*wire, error) { return dial(ctx, address) }, bare.cpu, r.path, either(r.asks))
		}},
	}
	peer, err := startRelay(ctx)
	if err != nil {
		return nil, err
	}
	if peer != nil {
		defer peer.stop()
		contenders = append(contenders, contender{"GO Feature Flag relay proxy", r.relay, func(ctx context.Context) (sample, error) {
			return askFor(ctx, p, peer.dial, peer.cpu, r.theirs, either(r.asks))
		}})
	}
	contenders = append(contenders, contender{"reeve, contexts never asked about before", 0, func(ctx context.Context) (sample, error) {
		return askFor(ctx, p, here, w.cpu, r.path, unheard(r.asks))
	}})
	return contest{r.name, r.unit, contenders}.run(ctx, p.rounds)
}

// either gives one of the bodies.
func either(asks [][]byte) func() []byte { return func() []byte { return asks[rand.N(len(asks))] } }

// unheard gives one of the bodies with an attribute more that nobody had before.
func unheard(asks [][]byte) func() []byte {
	var count atomic.Uint64
	return func() []byte {
		return bytes.Replace(either(asks)(), []byte(`{"context":{`), fmt.Appendf(nil, `{"context":{"visit":%d,`, count.Add(1)), 1)
	}
}

// shelves makes 200 flags, an integrator that locks every tenth, and tenants that
// override every seventh. It returns the bodies of requests and what one is answered.
func (w *world) shelves(ctx context.Context, p plan) (asks [][]byte, answer []byte, err error) {
	wire, err := w.dial(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	defer wire.conn.Close()
	var last domain.Receipt
	do := func(method, path, body string) {
		if err == nil {
			last, err = wire.command(method, path, body)
		}
	}
	do("POST", "/v1/integrators", `{"businessName":"Shelves","kind":"partner","contacts":[{"name":"a","email":"a@example.com","role":"admin"}]}`)
	integrator := last.ID
	do("POST", "/v1/integrators/"+integrator+"/activate", "")
	for i := range bulkFlags {
		key := fmt.Sprintf("flag-%03d", i)
		do("POST", "/v1/flags", fmt.Sprintf(`{"key":%q,"type":"boolean","default":%t}`, key, i%2 == 0))
		do("POST", "/v1/flags/"+key+"/activate", "")
		if i%2 == 1 { // as the relay has it
			do("PUT", "/v1/nodes/platform/flags/"+key, `{"value":false,"rules":[{"when":[{"attribute":"plan","op":"in","values":["gold"]}],"value":true}]}`)
		}
		if i%10 == 0 {
			do("PUT", "/v1/nodes/"+integrator+"/flags/"+key, `{"value":true}`)
			do("POST", "/v1/nodes/"+integrator+"/flags/"+key+"/lock", "")
		}
	}
	for t := range 20 {
		do("POST", "/v1/tenants", fmt.Sprintf(`{"slug":"shelf-%d","name":"Shelf","kind":"merchant","integrator":%q,"contacts":[{"name":"a","email":"a@example.com","role":"admin"}]}`, t, integrator))
		tenant := last.ID
		if err == nil {
			err = wire.opened(tenant)
		}
		asks = append(asks, fmt.Appendf(nil, `{"context":{"targetingKey":"user-%d","tenantId":%q,"region":"eu","plan":"gold"}}`, t, tenant))
		for i := 3; i < bulkFlags; i += 7 {
			if i%10 > 0 {
				do("PUT", fmt.Sprintf("/v1/nodes/%s/flags/flag-%03d", tenant, i), `{"value":true}`)
			}
		}
	}
	if err == nil {
		err = w.settled(ctx, last.Position)
	}
	if err != nil {
		return nil, nil, err
	}
	answer, err = wire.must("POST", allFlags, asks[0])
	return asks, bytes.Clone(answer), err
}

// askFor has all clients ask one address for a time, each time what ask gives.
func askFor(ctx context.Context, p plan, connect func(context.Context) (*wire, error), cpu func() time.Duration, path string, ask func() []byte) (sample, error) {
	before := cpu()
	rate, err := closed(ctx, p, func(ctx context.Context, _ int) (func() error, func(), error) {
		wire, err := connect(ctx)
		if err != nil {
			return nil, nil, err
		}
		step := func() error {
			_, err := wire.must("POST", path, ask())
			return err
		}
		return step, func() { wire.conn.Close() }, nil
	})
	return sample{rate, each(cpu()-before, rate, p)}, err
}
