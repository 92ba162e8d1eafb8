package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/migrations"
	"github.com/reeve-platform/reeve/projections"
)

type migrateCommands struct {
	Up     migrateUp     `cmd:"" help:"Bring the database's schema up to date."`
	Status migrateStatus `cmd:"" help:"List what has been applied and what is pending."`
}

type migrateUp struct{ Config }

// Run applies what is pending.
func (c migrateUp) Run(ctx context.Context) error {
	found, err := c.find()
	if err != nil {
		return err
	}
	return migrations.Up(ctx, found.DatabaseURL)
}

type migrateStatus struct{ Config }

// Run lists the migrations.
func (c migrateStatus) Run(ctx context.Context, t *terminal) error {
	found, err := c.find()
	if err != nil {
		return err
	}
	all, err := migrations.Status(ctx, found.DatabaseURL)
	rows := table.NewWriter()
	rows.AppendHeader(table.Row{"VERSION", "NAME", "APPLIED"})
	for _, m := range all {
		applied := "pending"
		if !m.AppliedAt.IsZero() {
			applied = m.AppliedAt.Format(time.RFC3339)
		}
		rows.AppendRow(table.Row{m.Version, m.Name, applied})
	}
	if err == nil {
		fmt.Fprintln(t.out, rows.Render())
	}
	return err
}

type projectionsVerbs struct {
	Status   projectionsStatus   `cmd:"" help:"How far each read model is."`
	Rebuild  projectionsRebuild  `cmd:"" help:"Make read models anew from the log, beside the old ones, and swap."`
	Resume   projectionsResume   `cmd:"" help:"Let stopped read models go on from where they stopped."`
	Checksum projectionsChecksum `cmd:"" help:"Checksums of the rows, the same for the same rows."`
}

// engine opens the projections of a server that runs, or would run, with c.
func (c Config) engine(ctx context.Context, t *terminal) (*projections.Engine, func(), error) {
	found, err := c.find()
	if err != nil {
		return nil, nil, err
	}
	store, err := eventstore.Open(found.LogURL, events.Registry, eventstore.Options{Logger: t.log})
	if err != nil {
		return nil, nil, errLogURL(err)
	}
	pool, err := pgxpool.New(ctx, found.DatabaseURL)
	if err != nil {
		_ = store.Close()
		return nil, nil, err
	}
	return projections.New(pool, store, projections.All, projections.Options{Logger: t.log}), func() { pool.Close(); _ = store.Close() }, nil
}

type projectionsStatus struct {
	Config
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the state of every read model.
func (c projectionsStatus) Run(ctx context.Context, t *terminal) error {
	e, done, err := c.engine(ctx, t)
	if err != nil {
		return err
	}
	defer done()
	all, err := e.Status(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.json(all)
	}
	rows := table.NewWriter()
	rows.AppendHeader(table.Row{"NAME", "STATE", "POSITION", "HEAD", "BEHIND", "ERROR"})
	for _, p := range all {
		rows.AppendRow(table.Row{p.Name, p.State, p.Position, p.Head, p.Behind, p.Error})
	}
	_, err = fmt.Fprintln(t.out, rows.Render())
	return err
}

type projectionsRebuild struct {
	Config
	Names []string `arg:"" optional:"" help:"Read models; all if none is named."`
}

// Run waits until the new tables have taken the place of the old ones.
func (c projectionsRebuild) Run(ctx context.Context, t *terminal) error {
	e, done, err := c.engine(ctx, t)
	if err != nil {
		return err
	}
	defer done()
	begun := time.Now()
	if err := e.Rebuild(ctx, c.Names...); err != nil {
		return err
	}
	fmt.Fprintf(t.err, "rebuilt in %v\n", time.Since(begun).Round(time.Millisecond))
	return nil
}

type projectionsResume struct {
	Config
	Names []string `arg:"" optional:"" help:"Read models; all that have stopped if none is named."`
}

// Run waits until they have caught up or stopped again.
func (c projectionsResume) Run(ctx context.Context, t *terminal) error {
	e, done, err := c.engine(ctx, t)
	if err != nil {
		return err
	}
	defer done()
	return e.Resume(ctx, c.Names...)
}

type projectionsChecksum struct {
	Config
	JSON  bool     `name:"json" help:"Print JSON."`
	Wait  bool     `help:"Wait until every read model has reached the head that the log has now."`
	Names []string `arg:"" optional:"" help:"Read models; all if none is named."`
}

// Run prints a checksum for each read model.
func (c projectionsChecksum) Run(ctx context.Context, t *terminal) error {
	e, done, err := c.engine(ctx, t)
	if err != nil {
		return err
	}
	defer done()
	if c.Wait {
		if err := caughtUp(ctx, e); err != nil {
			return err
		}
	}
	sums, err := e.Checksums(ctx, c.Names...)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.json(sums)
	}
	rows := table.NewWriter()
	rows.AppendHeader(table.Row{"NAME", "ROWS", "MD5", "POSITION"})
	for _, s := range sums {
		rows.AppendRow(table.Row{s.Name, s.Rows, s.MD5, s.Position})
	}
	_, err = fmt.Fprintln(t.out, rows.Render())
	return err
}

// caughtUp returns once every read model that is live has reached the head that
// the log had when it was asked.
func caughtUp(ctx context.Context, e *projections.Engine) error {
	var target uint64
	for {
		all, err := e.Status(ctx)
		if err != nil {
			return err
		}
		behind := false
		for _, p := range all {
			if target == 0 {
				target = p.Head
			}
			behind = behind || p.State == "building" || p.State == "live" && p.Position < target
		}
		if !behind {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (t *terminal) json(v any) error {
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
