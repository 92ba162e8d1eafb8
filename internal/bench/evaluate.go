package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

const (
	evaluated     = "/ofrep/v1/evaluate/flags/new-checkout"
	evaluateUnder = 200 // tenants that evaluations are for
)

// benchEvaluate evaluates one flag over OFREP, for tenants of which every fifth
// overrides it, beside bare net/http answering the same bytes to the same requests.
func benchEvaluate(ctx context.Context, p plan) ([]result, error) {
	w, err := open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer w.close()
	asks, answer, err := w.switches(ctx, p)
	if err != nil {
		return nil, err
	}
	bare, address, err := startHelper("http", string(answer))
	if err != nil {
		return nil, err
	}
	defer bare.stop()
	return contest{"evaluate", "evaluations/s", []contender{
		{"reeve, OFREP", 0, func(ctx context.Context) (sample, error) {
			return ask(ctx, p, func(ctx context.Context) (*wire, error) { return w.dialFor(ctx, p, "auth:flag:evaluate") }, w.cpu, asks)
		}},
		{"bare net/http, the same bytes", 0, func(ctx context.Context) (sample, error) {
			return ask(ctx, p, func(ctx context.Context) (*wire, error) { return dial(ctx, address) }, bare.cpu, asks)
		}},
	}}.run(ctx, p.rounds)
}

// switches makes a flag, and tenants that some of them override it for. It returns
// the bodies of evaluation requests and what one of them is answered.
func (w *world) switches(ctx context.Context, p plan) (asks [][]byte, answer []byte, err error) {
	wire, err := w.dial(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	defer wire.conn.Close()
	steps := []struct{ path, body string }{{"/v1/flags", `{"key":"new-checkout","type":"boolean","default":false}`}, {"/v1/flags/new-checkout/activate", ""}}
	var last domain.Receipt
	for _, s := range steps {
		if last, err = wire.command("POST", s.path, s.body); err != nil {
			return nil, nil, err
		}
	}
	for i := range evaluateUnder {
		if last, err = wire.command("POST", "/v1/tenants", fmt.Sprintf(`{"slug":"eval-%d","name":"Eval","kind":"merchant"}`, i)); err != nil {
			return nil, nil, err
		}
		id := last.ID
		asks = append(asks, fmt.Appendf(nil, `{"context":{"targetingKey":%q,"tenantId":%q,"region":"eu","plan":"gold"}}`, id, id))
		if i%5 > 0 {
			continue
		}
		if last, err = wire.command("PUT", "/v1/nodes/"+id+"/flags/new-checkout", `{"value":true}`); err != nil {
			return nil, nil, err
		}
	}
	if err := w.settled(ctx, last.Position); err != nil {
		return nil, nil, err
	}
	answer, err = wire.must("POST", evaluated, asks[0])
	return asks, bytes.Clone(answer), err
}

// command sends a command and returns its receipt.
func (w *wire) command(method, path, body string) (r domain.Receipt, err error) {
	answer, err := w.must(method, path, []byte(body))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(answer, &r)
}

func ask(ctx context.Context, p plan, connect func(context.Context) (*wire, error), cpu func() time.Duration, asks [][]byte) (sample, error) {
	before := cpu()
	rate, err := closed(ctx, p, func(ctx context.Context, _ int) (func() error, func(), error) {
		wire, err := connect(ctx)
		if err != nil {
			return nil, nil, err
		}
		step := func() error {
			_, err := wire.must("POST", evaluated, asks[rand.N(len(asks))])
			return err
		}
		return step, func() { wire.conn.Close() }, nil
	})
	return sample{rate, each(cpu()-before, rate, p)}, err
}
