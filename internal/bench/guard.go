package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/events"
	feature "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/readapi"
)

// benchGuard says what it costs that everybody is known, allowed and confined: an
// evaluation beside the same without a guard, reads beside the same by a role that
// bypasses the policies, and one decision by itself.
func benchGuard(ctx context.Context, p plan) ([]result, error) {
	decision, err := decide(p)
	if err != nil {
		return nil, err
	}
	all := []result{decision}
	w, err := open(ctx, p)
	if err != nil {
		return all, err
	}
	defer w.close()
	for _, run := range []func(context.Context, plan) ([]result, error){w.admitted, w.confined} {
		results, err := run(ctx, p)
		if all = append(all, results...); err != nil {
			return all, err
		}
	}
	return all, nil
}

// most is how much more CPU than without a guard an evaluation may cost.
const most = 1.3

// admitted evaluates by an API key, by an access token, and at a server that stands
// on the same rows and asks nobody who they are.
func (w *world) admitted(ctx context.Context, p plan) ([]result, error) {
	asks, _, err := w.switches(ctx, p)
	if err != nil {
		return nil, err
	}
	key, err := w.key(ctx, p)
	if err != nil {
		return nil, err
	}
	unguarded, address, err := startHelper("ofrep", "esdb://"+w.log+"?tls=false")
	if err != nil {
		return nil, err
	}
	defer unguarded.stop()
	keyed := func(ctx context.Context) (*wire, error) {
		wire, err := dial(ctx, w.http)
		if err == nil {
			wire.token = key
		}
		return wire, err
	}
	results, err := contest{"guard, OFREP", "evaluations/s", []contender{
		{"API key", 0, func(ctx context.Context) (sample, error) { return ask(ctx, p, keyed, w.server.cpu, asks) }},
		{"access token", 0, func(ctx context.Context) (sample, error) {
			return ask(ctx, p, func(ctx context.Context) (*wire, error) { return w.dialFor(ctx, p, "auth:flag:evaluate") }, w.server.cpu, asks)
		}},
		{"without a guard", 0, func(ctx context.Context) (sample, error) {
			return ask(ctx, p, func(ctx context.Context) (*wire, error) { return dial(ctx, address) }, unguarded.cpu, asks)
		}},
	}}.run(ctx, p.rounds)
	if err != nil {
		return nil, err
	}
	return append(results, costlier(results[0], results[2]), costlier(results[1], results[2])), nil
}

// costlier is how many times the CPU of another one something cost, round by round.
func costlier(it, than result) result {
	r := result{Contest: "guard, CPU", Contender: it.Contender + " / " + than.Contender, Unit: "times", Most: most}
	for i := range it.CPU {
		r.Rates = append(r.Rates, it.CPU[i]/than.CPU[i])
	}
	return r
}

// key makes an API key that is good for every tenant.
func (w *world) key(ctx context.Context, p plan) (string, error) {
	wire, err := w.dial(ctx, p)
	if err != nil {
		return "", err
	}
	defer wire.conn.Close()
	receipt, err := wire.command("POST", "/v1/nodes/platform/api-keys", `{"name":"bench","permissions":["flag:evaluate"]}`)
	if err == nil && receipt.Secret == "" {
		err = errors.New("the API key was not told")
	}
	return receipt.Secret, err
}

// serveUnguarded evaluates for everybody, within the whole platform, from the same
// log. All else is as in the product.
func serveUnguarded() error {
	uuid.EnableRandPool()
	debug.SetGCPercent(800)
	runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	quiet := slog.New(slog.DiscardHandler)
	source := &readapi.Source{Access: access.NewModel(), Flags: feature.NewBook()}
	if err := remember(source, os.Getenv(helperBody)); err != nil {
		return err
	}
	everywhere := domain.Scope{Actor: domain.Actor{ID: "bench", Type: "service"}, Paths: []string{string(domain.PlatformID)}}
	r := chi.NewRouter()
	edge.REST(r, edge.Options{Logger: quiet, Dialects: map[string]edge.Dialect{"/ofrep/": readapi.RefuseOFREP}, Shared: []string{"/ofrep/"}})
	readapi.MountOFREP(r, source, func(*http.Request) (domain.Scope, error) { return everywhere, nil }, time.Now)
	listener, err := net.Listen("tcp", os.Getenv(helperAddr))
	if err != nil {
		return fmt.Errorf("unguarded server: %w", err)
	}
	return edge.NewShortcut(edge.NewServer(r, edge.Pace{}, nil, quiet), quiet, "POST "+readapi.EvaluatePath).Serve(listener)
}

// remember shows a log to the models of a source, up to where it ends now.
func remember(source *readapi.Source, log string) error {
	store, err := eventstore.Open(log, events.Registry, eventstore.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	head, err := store.Head(context.Background())
	if err != nil {
		return err
	}
	for page, err := range store.Prompt(context.Background(), 0, 4096) {
		for _, e := range page.Events {
			err = errors.Join(err, source.Access.Apply(e), source.Flags.Apply(e))
		}
		if err != nil || page.To >= head {
			return err
		}
	}
	return nil
}
