package main

import (
	"context"
	"fmt"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// What opening a large log may cost.
const (
	openSeconds = 5
	openMiB     = 300
)

// benchOpen fills a log with events and measures how long it takes, after a stop,
// until the first event is read, and what memory the log uses for it.
func benchOpen(ctx context.Context, p plan) ([]result, error) {
	s, err := setUp(p)
	if err != nil {
		return nil, err
	}
	defer s.takeDown()
	began := time.Now()
	if err := fill(ctx, s.address, p.logEvents); err != nil {
		return nil, err
	}
	say("open: appended %d events in %v", p.logEvents, time.Since(began).Round(time.Second))
	took := result{Contest: "log, open", Contender: fmt.Sprintf("until the first event of %d is read", p.logEvents), Unit: "ms", Most: openSeconds * 1000}
	memory := result{Contest: "log, open", Contender: "resident memory, the whole log read once", Unit: "MiB", Most: openMiB}
	for range p.rounds {
		ms, mib, err := s.reopen(ctx, p)
		if err != nil {
			return nil, err
		}
		took.Rates, memory.Rates = append(took.Rates, ms), append(memory.Rates, mib)
	}
	return []result{took, memory}, nil
}

// reopen stops the log and starts it again.
func (s *stand) reopen(ctx context.Context, p plan) (ms, mib float64, err error) {
	s.log.stop()
	began := time.Now()
	if err := s.serve(p); err != nil {
		return 0, 0, err
	}
	client, err := dialLog(s.address)
	if err != nil {
		return 0, 0, err
	}
	defer client.Close()
	if err := readSome(ctx, client, 1); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	if err := readSome(ctx, client, uint64(p.logEvents)); err != nil {
		return 0, 0, err
	}
	return float64(took.Milliseconds()), float64(s.log.peak()), nil
}

// readSome reads the first events of the whole log.
func readSome(ctx context.Context, client *esdb.Client, count uint64) error {
	stream, err := client.ReadAll(ctx, esdb.ReadAllOptions{}, count)
	if err != nil {
		return err
	}
	defer stream.Close()
	for range count {
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
	return nil
}
