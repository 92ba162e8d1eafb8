// Command bench measures Reeve beside what it should be compared with:
//
//	go run ./internal/bench -only commands,rebuild -rounds 5 -seconds 5
//
// Each figure stands beside a baseline that was measured in the same run, in
// turns with it. Only the ratios mean anything: a rate depends on the machine and
// on who else uses it. The benchmarks start what they need, bin/reeve and a local
// PostgreSQL with durable settings included, and stop it again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A plan is what the command line asks for.
type plan struct {
	rounds    int
	events    int
	logEvents int
	span      time.Duration // of one turn of a benchmark that runs against time
	workers   int
	only      string
	binary    string
	json      string
}

// A benchmark brings up what it needs and lets contenders run in turns.
type benchmark struct {
	name string
	run  func(context.Context, plan) ([]result, error)
}

var benchmarks = []benchmark{
	{"commands", benchCommands},
	{"evaluate", benchEvaluate},
	{"bulk", benchBulk},
	{"propagation", benchPropagation},
	{"book", benchBook},
	{"guard", benchGuard},
	{"log", benchLog},
	{"latency", benchLatency},
	{"read", benchRead},
	{"open", benchOpen},
	{"rebuild", benchRebuild},
}

// seldom is how many per cent the heap of this program may grow before it is
// collected. Its heap is small, so the usual 100 would collect all the time, and take
// from every contender what is to be measured.
const seldom = 400

func main() {
	var p plan
	seconds := flag.Float64("seconds", 5, "how long each turn of a benchmark lasts")
	helper := flag.String("helper", "", "run as the baseline server of this name, for the benchmarks themselves")
	flag.IntVar(&p.rounds, "rounds", 3, "how often each contender has its turn")
	flag.IntVar(&p.events, "events", 1_000_000, "events to rebuild the read models from")
	flag.IntVar(&p.logEvents, "log-events", 10_000_000, "events of the log that is opened")
	flag.IntVar(&p.workers, "clients", 64, "concurrent clients")
	flag.StringVar(&p.only, "only", "", "benchmarks to run, separated by commas; all if empty")
	flag.StringVar(&p.binary, "binary", "bin/reeve", "the product")
	flag.StringVar(&p.json, "json", "", "file to write the results to as JSON")
	flag.Parse()
	p.span = time.Duration(*seconds * float64(time.Second))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := errors.New("no such helper: " + *helper)
	if serve, known := helpers[*helper]; known {
		err = serve()
	} else if *helper == "" {
		debug.SetGCPercent(seldom) // who asks shares the machine with who answers
		err = run(ctx, p)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run prints each result as soon as it is there. A benchmark that fails does not
// keep the others from running.
func run(ctx context.Context, p plan) (failed error) {
	if p.rounds < 1 || p.workers < 1 || p.span <= 0 || p.events < 1 || p.logEvents < 1 {
		return errors.New("rounds, clients, seconds and events must be above zero")
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	var all []result
	for _, b := range benchmarks {
		if !p.wants(b.name) {
			continue
		}
		results, err := b.run(ctx, p)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", b.name, err))
		}
		all = append(all, results...)
	}
	if len(all) > 0 {
		fmt.Println(table(all))
	}
	return errors.Join(failed, write(p.json, all))
}

func (p plan) wants(name string) bool {
	return p.only == "" || slices.Contains(strings.Split(p.only, ","), name)
}

// say tells what is going on; results alone go to standard output.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
