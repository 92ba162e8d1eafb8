package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	return w.beside(ctx, p, rivalry{"evaluate", "evaluations/s", evaluated, allFlags + "/flag-001", asks, answer, 0.75, 2})
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
		if _, err = wire.command("POST", s.path, s.body); err != nil {
			return nil, nil, err
		}
	}
	if last, err = wire.command("POST", "/v1/integrators", `{"businessName":"Eval","kind":"partner","contacts":[{"name":"a","email":"a@example.com","role":"admin"}]}`); err != nil {
		return nil, nil, err
	}
	integrator := last.ID
	for _, s := range []struct{ method, path, body string }{
		{"POST", "/v1/integrators/" + integrator + "/activate", ""}, {"POST", "/v1/flags", `{"key":"held","type":"boolean","default":false}`},
		{"PUT", "/v1/nodes/" + integrator + "/flags/held", `{"value":true}`}, {"POST", "/v1/nodes/" + integrator + "/flags/held/lock", ""},
		{"PUT", "/v1/nodes/platform/flags/new-checkout", `{"value":false,"rules":[{"when":[{"attribute":"plan","op":"in","values":["silver"]}],"value":true}]}`},
	} {
		if _, err = wire.command(s.method, s.path, s.body); err != nil {
			return nil, nil, err
		}
	}
	for i := range evaluateUnder {
		if last, err = wire.command("POST", "/v1/tenants", fmt.Sprintf(`{"slug":"eval-%d","name":"Eval","kind":"merchant","integrator":%q,"contacts":[{"name":"a","email":"a@example.com","role":"admin"}]}`, i, integrator)); err != nil {
			return nil, nil, err
		}
		id := last.ID
		if err := wire.opened(id); err != nil {
			return nil, nil, err
		}
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

// opened activates a tenant: of others every flag is off.
func (w *wire) opened(tenant string) error {
	if _, err := w.must("PUT", "/v1/tenants/"+tenant+"/quotas/users", []byte(`{"limit":10}`)); err != nil {
		return err
	}
	_, err := w.must("POST", "/v1/tenants/"+tenant+"/activate", nil)
	return err
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
	return askFor(ctx, p, connect, cpu, evaluated, either(asks))
}
