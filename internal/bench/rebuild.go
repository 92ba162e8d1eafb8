package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/projections"
)

// A past is a log full of events whose read models are there already, made event
// by event while the log was written.
type past struct {
	*world
	plan    plan
	store   *eventstore.Store
	engine  *projections.Engine
	history []eventstore.Raw
	sums    []projections.Checksum
	ledgers []ledger
	rests   []int // MiB that the server had resident before each turn
	peaks   []int // and at most during it
}

// benchRebuild makes all read models anew from the log, over its official client,
// beside the same events in memory being folded and copied.
func benchRebuild(ctx context.Context, p plan) ([]result, error) {
	w, err := open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer w.close()
	store, err := eventstore.Open(w.logURL(), events.Registry, eventstore.Options{Deadline: time.Minute})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	b := &past{world: w, plan: p, store: store, ledgers: ledgers(), engine: projections.New(w.pool, store, projections.All, projections.Options{})}
	live, err := b.write(ctx)
	if err != nil {
		return nil, err
	}
	results, err := contest{"rebuild", "events/s", []contender{
		{"reeve, all read models, over the client", 0, b.rebuild},
		{"from memory, fold then COPY", 0.3, b.foldThenCopy},
		{"a transaction per event", 0, b.oneByOne},
	}}.run(ctx, p.rounds)
	if err != nil {
		return nil, err
	}
	results[0].Notes = b.notes(live)
	return results, nil
}

// write fills the log, waits until the running server has followed, and keeps
// what came of it. It returns how many events a second were written and followed.
func (b *past) write(ctx context.Context) (rate float64, err error) {
	began := time.Now()
	head, err := relate(ctx, b.store, b.plan.events, b.plan.workers)
	if err != nil {
		return 0, err
	}
	say("rebuild: wrote the log in %v", time.Since(began).Round(time.Millisecond))
	if err := b.settled(ctx, head); err != nil {
		return 0, err
	}
	took := time.Since(began)
	for e, err := range b.store.Dump(ctx, 0, math.MaxUint64) {
		if err != nil {
			return 0, err
		}
		if e.Type[0] != '$' {
			b.history = append(b.history, e)
		}
	}
	say("rebuild: the read models have followed %d events after %v", len(b.history), took.Round(time.Millisecond))
	b.sums, err = b.engine.Checksums(ctx)
	return float64(len(b.history)) / took.Seconds(), err
}

// rebuild is done by the server; we ask for it and wait until the new tables have
// taken the place of the old ones.
func (b *past) rebuild(ctx context.Context) (sample, error) {
	if err := b.quiet(ctx); err != nil {
		return sample{}, err
	}
	b.server.forgetPeak()
	rest := b.server.peak()
	cpu, began := b.cpu(), time.Now()
	if err := b.engine.Rebuild(ctx); err != nil {
		return sample{}, err
	}
	s := b.rated(time.Since(began))
	s.cpu = (b.cpu() - cpu).Seconds() / float64(len(b.history)) * 1e6
	peak := b.server.peak()
	b.rests, b.peaks = append(b.rests, rest), append(b.peaks, peak)
	say("rebuild: the server had %d MiB resident before, and %d at most", rest, peak)
	sums, err := b.engine.Checksums(ctx)
	if diff := cmp.Diff(b.sums, sums); err == nil && diff != "" {
		err = errors.New("the rebuilt tables are not the ones that were made event by event (-live +rebuilt):\n" + diff)
	}
	return s, err
}

func (b *past) rated(took time.Duration) sample {
	return sample{rate: float64(len(b.history)) / took.Seconds()}
}

// quiet lets PostgreSQL write down what others left it with.
func (b *past) quiet(ctx context.Context) error {
	_, err := b.pool.Exec(ctx, "checkpoint")
	return err
}

func (b *past) foldThenCopy(ctx context.Context) (sample, error) {
	if err := b.fresh(ctx); err != nil {
		return sample{}, err
	}
	began := time.Now()
	err := foldThenCopy(ctx, b.pool, b.history, b.ledgers)
	s := b.rated(time.Since(began))
	b.forget()
	if err != nil {
		return s, err
	}
	names, err := unlike(ctx, b.pool, b.ledgers)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("the baseline has other rows than the product in %v", names)
	}
	return s, err
}

func (b *past) fresh(ctx context.Context) error {
	b.forget()
	if err := emptyTables(ctx, b.pool, b.ledgers); err != nil {
		return err
	}
	return b.quiet(ctx)
}

func (b *past) forget() {
	for _, l := range b.ledgers {
		l.clear()
	}
}

// oneByOne has as long as a turn lasts; what it would need for all is not waited for.
func (b *past) oneByOne(ctx context.Context) (sample, error) {
	if err := b.fresh(ctx); err != nil {
		return sample{}, err
	}
	turn, cancel := context.WithTimeout(ctx, b.plan.span)
	defer cancel()
	if err := indexTables(ctx, b.pool); err != nil {
		return sample{}, err
	}
	began := time.Now()
	count, err := oneByOne(turn, b.pool, b.history, b.ledgers)
	return sample{rate: float64(count) / time.Since(began).Seconds()}, err
}

func (b *past) notes(live float64) []string {
	var rows int64
	for _, s := range b.sums {
		rows += s.Rows
	}
	return []string{
		fmt.Sprintf("%d events, %d rows in %d tables; checksums equal those of the tables made event by event", len(b.history), rows, len(b.sums)),
		fmt.Sprintf("the server, log included, had at most %d MiB resident, and %d to %d at rest before", slices.Max(b.peaks), slices.Min(b.rests), slices.Max(b.rests)),
		fmt.Sprintf("while the log was being written, the read models followed at %.0f events/s", live),
	}
}
