package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A mill sends commands to tenants that exist already.
type mill struct {
	*world
	plan    plan
	tenants []string
	serial  atomic.Int64
	last    atomic.Uint64 // position of the latest fact
}

const millTenants = 1000

// benchCommands changes the names of 1,000 tenants over HTTP, each answer given
// after the fact is on the disk, beside transactions that insert one row.
func benchCommands(ctx context.Context, p plan) ([]result, error) {
	w, err := open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer w.close()
	facts, err := w.facts(ctx, p)
	if err != nil {
		return nil, err
	}
	defer facts.rows.Close()
	m := &mill{world: w, plan: p, tenants: make([]string, millTenants)}
	if err := m.found(ctx); err != nil {
		return nil, err
	}
	return contest{"commands", "commits/s", []contender{
		{"reeve, PATCH over HTTP", 0, m.grind},
		{"PostgreSQL, one fact per transaction", 0.5, func(ctx context.Context) (sample, error) { return facts.insertRows(ctx, p) }},
	}}.run(ctx, p.rounds)
}

// found creates the tenants, and changes each once so that all are known.
func (m *mill) found(ctx context.Context) error {
	wire, err := m.dial(ctx, m.plan)
	if err != nil {
		return err
	}
	defer wire.conn.Close()
	for i := range m.tenants {
		body := fmt.Appendf(nil, `{"slug":"mill-%d","name":"Mill %d","kind":"merchant","contacts":[{"name":"Ann","email":"ann@example.com","role":"admin"}]}`, i, i)
		answer, err := wire.must("POST", "/v1/tenants", body)
		if err != nil {
			return err
		}
		var r domain.Receipt
		if err := json.Unmarshal(answer, &r); err != nil || r.ID == "" {
			return fmt.Errorf("no id in %s: %w", answer, err)
		}
		m.tenants[i] = r.ID
		if err := m.rename(wire, r.ID); err != nil {
			return err
		}
	}
	return m.settled(ctx, m.last.Load())
}

// rename is one command: a name that the tenant never had.
func (m *mill) rename(wire *wire, tenant string) error {
	answer, err := wire.must("PATCH", "/v1/tenants/"+tenant, fmt.Appendf(nil, `{"name":"Mill of round %d"}`, m.serial.Add(1)))
	if err != nil {
		return err
	}
	position, ok := number(answer, `"position":`)
	if !ok || !bytes.Contains(answer, []byte("TenantProfileUpdated")) {
		return fmt.Errorf("nothing was recorded: %s", answer)
	}
	for at := m.last.Load(); position > at && !m.last.CompareAndSwap(at, position); at = m.last.Load() {
		continue
	}
	return nil
}

// number finds the number after a member's name without reading the whole.
func number(answer []byte, name string) (n uint64, ok bool) {
	_, rest, ok := bytes.Cut(answer, []byte(name))
	for ; len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'; rest = rest[1:] {
		n = 10*n + uint64(rest[0]-'0')
	}
	return n, ok
}

// grind is one turn of the product. The read models follow meanwhile; before the
// others have their turn, they have caught up.
func (m *mill) grind(ctx context.Context) (sample, error) {
	server, postgres := m.server.cpu(), m.postgresCPU()
	rate, err := closed(ctx, m.plan, func(ctx context.Context, _ int) (func() error, func(), error) {
		wire, err := m.dialFor(ctx, m.plan, "auth:tenant:write")
		if err != nil {
			return nil, nil, err
		}
		step := func() error { return m.rename(wire, m.tenants[rand.N(len(m.tenants))]) }
		return step, func() { wire.conn.Close() }, nil
	})
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	err = m.settled(ctx, m.last.Load())
	mine, theirs := each(m.server.cpu()-server, rate, m.plan), each(m.postgresCPU()-postgres, rate, m.plan)
	say("commands: the read models were %v behind; a command took %.0f us of reeve and, for its read models, %.0f us of PostgreSQL",
		time.Since(began).Round(time.Millisecond), mine, theirs)
	return sample{rate, mine + theirs}, err
}

// each is the share of one operation, in microseconds, of the CPU time of a turn.
func each(used time.Duration, rate float64, p plan) float64 {
	return used.Seconds() / (rate * p.span.Seconds()) * 1e6
}
