package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
)

// A stand is the embedded log alone, as a process of its own, beside a server
// that keeps nothing.
type stand struct {
	dir     string
	log     *process
	null    *process
	address string // of the log
	nowhere string // of the server that keeps nothing
}

// setUp starts both, with an empty log.
func setUp(p plan) (*stand, error) {
	dir, err := os.MkdirTemp("", "reeve-bench-")
	if err != nil {
		return nil, err
	}
	s := &stand{dir: dir}
	err = s.serve(p)
	if err == nil {
		s.null, s.nowhere, err = startHelper("null", "")
	}
	if err != nil {
		s.takeDown()
		return nil, err
	}
	return s, nil
}

// serve starts the log and waits until it can be spoken to.
func (s *stand) serve(p plan) (err error) {
	if s.address, _, err = twoPorts(); err != nil {
		return err
	}
	env := []string{"REEVE_DATA_DIR=" + s.dir, "REEVE_LOG_ADDR=" + s.address, "REEVE_ADMIN_ADDR=127.0.0.1:0", "REEVE_CONFIG="}
	if s.log, err = spawn(env, p.binary, "log", "serve"); err != nil {
		return err
	}
	return s.log.until(func() bool { return accepts(s.address) })
}

func (s *stand) takeDown() {
	for _, p := range []*process{s.log, s.null} {
		if p != nil {
			p.stop()
		}
	}
	_ = os.RemoveAll(s.dir)
}

// dialLog connects the official client.
func dialLog(address string) (*esdb.Client, error) {
	config, err := esdb.ParseConnectionString(esdbURL(address))
	if err != nil {
		return nil, err
	}
	config.Logger = esdb.NoopLogging()
	return esdb.NewClient(config)
}

// sampled is an event of about the size that commands record.
func sampled() esdb.EventData {
	return esdb.EventData{EventID: uuid.New(), EventType: "Sampled", ContentType: esdb.ContentTypeBinary, Data: sampleData, Metadata: sampleData[:120]}
}

var sampleData = bytes.Repeat([]byte("x"), 400)

// benchLog appends single events to the embedded log alone, through its official
// client, each acknowledged when it is on the disk, beside a server that keeps
// nothing and beside PostgreSQL committing a fact at a time.
func benchLog(ctx context.Context, p plan) ([]result, error) {
	s, err := setUp(p)
	if err != nil {
		return nil, err
	}
	defer s.takeDown()
	facts, err := openFacts(ctx, p)
	if err != nil {
		return nil, err
	}
	defer facts.close()
	return contest{"log", "appends/s", []contender{
		{"reeve's log, durable", 0, func(ctx context.Context) (sample, error) { return appendAll(ctx, p, s.address, s.log) }},
		{"a server that keeps nothing", 0.8, func(ctx context.Context) (sample, error) { return appendAll(ctx, p, s.nowhere, s.null) }},
		{"PostgreSQL, one fact per transaction", 1.5, func(ctx context.Context) (sample, error) { return facts.insertRows(ctx, p) }},
	}}.run(ctx, p.rounds)
}

func appendAll(ctx context.Context, p plan, address string, server *process) (sample, error) {
	client, err := dialLog(address)
	if err != nil {
		return sample{}, err
	}
	defer client.Close()
	before := server.cpu()
	rate, err := closed(ctx, p, func(ctx context.Context, n int) (func() error, func(), error) {
		return appender(ctx, client, n), func() {}, nil
	})
	return sample{rate, each(server.cpu()-before, rate, p)}, err
}

// appender appends one event after the other to a stream of its own.
func appender(ctx context.Context, client *esdb.Client, n int) func() error {
	stream := fmt.Sprintf("append-%d-%s", n, uuid.NewString())
	return func() error {
		_, err := client.AppendToStream(ctx, stream, esdb.AppendToStreamOptions{}, sampled())
		return err
	}
}

// benchLatency lets one writer wait for each acknowledgement, beside the least
// that can take: the same bytes written to a file and synced, and one call of a
// server that keeps nothing.
func benchLatency(ctx context.Context, p plan) ([]result, error) {
	s, err := setUp(p)
	if err != nil {
		return nil, err
	}
	defer s.takeDown()
	p.workers = 1
	return contest{"log, one writer", "appends/s", []contender{
		{"reeve's log, durable", 0, func(ctx context.Context) (sample, error) { return appendAll(ctx, p, s.address, s.log) }},
		{"write, fdatasync, and a call of a server that keeps nothing", 0.5, func(ctx context.Context) (sample, error) { return syncAndCall(ctx, p, s) }},
	}}.run(ctx, p.rounds)
}

func syncAndCall(ctx context.Context, p plan, s *stand) (sample, error) {
	client, err := dialLog(s.nowhere)
	if err != nil {
		return sample{}, err
	}
	defer client.Close()
	file, err := os.Create(filepath.Join(s.dir, "bare"))
	if err != nil {
		return sample{}, err
	}
	defer file.Close()
	record := bytes.Repeat(sampleData[:140], 4)
	rate, err := closed(ctx, p, func(ctx context.Context, n int) (func() error, func(), error) {
		call := appender(ctx, client, n)
		step := func() error {
			_, err := file.Write(record)
			return errors.Join(err, fdatasync(file), call())
		}
		return step, func() {}, nil
	})
	return sample{rate: rate}, err
}
