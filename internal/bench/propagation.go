package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"
)

// How many durable commits may pass from the acknowledgement of a command until its
// new value is answered, in the median and for one in a hundred.
const (
	mostCommits     = 5
	mostCommitsLate = 25
)

// changes is how many commands are followed in a round.
const changes = 300

// benchPropagation follows overrides from their acknowledgement until another client,
// which asks without a position, is answered the new value, beside durable commits of
// one row by one client of PostgreSQL.
func benchPropagation(ctx context.Context, p plan) ([]result, error) {
	w, err := open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer w.close()
	asks, _, err := w.switches(ctx, p)
	if err != nil {
		return nil, err
	}
	alone := p
	alone.workers = 1
	facts, err := w.facts(ctx, alone)
	if err != nil {
		return nil, err
	}
	defer facts.rows.Close()
	typical := result{Contest: "propagation", Contender: "acknowledged to answered, median", Unit: "durable commits", Most: mostCommits}
	late := result{Contest: "propagation", Contender: "acknowledged to answered, 99 of 100", Unit: "durable commits", Most: mostCommitsLate}
	for round := range p.rounds {
		commits, err := facts.insertRows(ctx, alone)
		if err != nil {
			return nil, err
		}
		took, err := w.follow(ctx, p, asks[0])
		if err != nil {
			return nil, err
		}
		slices.Sort(took)
		commit := time.Duration(float64(time.Second) / commits.rate)
		half, most := took[len(took)/2], took[len(took)*99/100]
		say("propagation: round %d: %v, 99 of 100 within %v; a commit takes %v", round+1, half, most, commit)
		typical.Rates = append(typical.Rates, float64(half)/float64(commit))
		late.Rates = append(late.Rates, float64(most)/float64(commit))
	}
	return []result{typical, late}, nil
}

// follow turns a flag of one tenant on and off, and tells how long each time it took
// from the receipt to the first answer that has the new value.
func (w *world) follow(ctx context.Context, p plan, ask []byte) (took []time.Duration, err error) {
	writer, err := w.dial(ctx, p)
	if err != nil {
		return nil, err
	}
	defer writer.conn.Close()
	reader, err := w.dialFor(ctx, p, "auth:flag:evaluate")
	if err != nil {
		return nil, err
	}
	defer reader.conn.Close()
	tenant, _, _ := bytes.Cut(ask[bytes.Index(ask, []byte(`"tenantId":"`))+len(`"tenantId":"`):], []byte(`"`))
	for i := range changes {
		on := i%2 == 1
		if _, err := writer.must("PUT", "/v1/nodes/"+string(tenant)+"/flags/new-checkout", fmt.Appendf(nil, `{"value":%t}`, on)); err != nil {
			return nil, err
		}
		acknowledged, want := time.Now(), fmt.Appendf(nil, `"value":%t`, on)
		for {
			answer, err := reader.must("POST", evaluated, ask)
			if err != nil {
				return nil, err
			}
			if bytes.Contains(answer, want) {
				break
			}
			if time.Since(acknowledged) > answerTime {
				return nil, fmt.Errorf("%s is never answered, but %s", want, answer)
			}
		}
		took = append(took, time.Since(acknowledged))
	}
	return took, nil
}
