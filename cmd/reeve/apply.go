package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
	"github.com/reeve-platform/reeve/internal/estate"
)

// errNoFile: a file that was named cannot be read.
var errNoFile = &domain.Error{Kind: domain.NotFound, Code: "file-not-found", Detail: "the file cannot be read"}

type applyCommand struct {
	Files  []string `name:"file" short:"f" required:"" sep:"none" placeholder:"FILE" help:"File to apply; - is standard input. Repeat for more."`
	DryRun bool     `help:"Only print the plan."`
	Prune  bool     `help:"Remove what no file speaks of: overrides are cleared, flags and tenants archived."`
	verbs.Where
	verbs.How
}

// Run compares the files with what is there, prints the plan and carries it out.
func (c applyCommand) Run(ctx context.Context, t *terminal) error {
	docs, err := c.documents(t.in)
	if err != nil {
		return err
	}
	api, err := newPublicAPI(ctx, c.Where)
	if err != nil {
		return err
	}
	plan, err := estate.Make(ctx, api, docs, c.Prune)
	if err != nil {
		return err
	}
	if err := t.plan(c.Output, plan.Changes); err != nil || c.DryRun {
		return err
	}
	return t.carryOut(ctx, api, plan)
}

// documents reads all files before any is judged, so that everything that is
// wrong is told at once.
func (c applyCommand) documents(in io.Reader) (all []estate.Document, err error) {
	var wrong *domain.Error
	for _, path := range c.Files {
		docs, err := read(path, in)
		e, ours := domain.AsError(err)
		switch {
		case err != nil && (!ours || e.Code != estate.ErrFile.Code):
			return nil, err
		case err != nil && wrong == nil:
			wrong = e
		case err != nil:
			wrong.Fields = append(slices.Clip(wrong.Fields), e.Fields...)
		}
		all = append(all, docs...)
	}
	if wrong != nil {
		return nil, wrong
	}
	return all, nil
}

func read(path string, in io.Reader) ([]estate.Document, error) {
	if path == "-" {
		return estate.Parse("stdin", in)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errNoFile.With(path + " cannot be read").Because(errors.Unwrap(err))
	}
	defer f.Close()
	return estate.Parse(path, f)
}

// A planned answer is what a plan comes to.
type planned struct {
	Items     []estate.Change `json:"items"`
	Create    int             `json:"create"`
	Change    int             `json:"change"`
	Unchanged int             `json:"unchanged"`
	Remove    int             `json:"remove"`
}

// plan prints what would change; a table leaves out what stays as it is.
func (t *terminal) plan(format string, changes []estate.Change) error {
	p := planned{Items: []estate.Change{}}
	count := map[string]*int{"create": &p.Create, "change": &p.Change, "unchanged": &p.Unchanged, "remove": &p.Remove}
	for _, c := range changes {
		*count[c.Action]++
		if format != "table" || c.Action != "unchanged" {
			p.Items = append(p.Items, c)
		}
	}
	fmt.Fprintf(t.err, "%d to create, %d to change, %d to remove, %d unchanged\n", p.Create, p.Change, p.Remove, p.Unchanged)
	if format == "table" && len(p.Items) == 0 {
		return nil
	}
	answer, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return t.printer().Print(format, answer, reflect.TypeFor[planned]())
}

// carryOut issues the commands of a plan under one correlation id and waits until
// their effects can be read. That they cannot yet be is worth a remark only: they
// are in the log.
func (t *terminal) carryOut(ctx context.Context, api *publicAPI, plan *estate.Plan) error {
	if plan.Steps() == 0 {
		return nil
	}
	p := t.progress(plan.Steps())
	err := plan.Apply(ctx, api, newTrace(), p.told)
	p.end(err == nil)
	if err != nil {
		return err
	}
	if err := api.settled(ctx); err != nil {
		fmt.Fprintln(t.err, "everything is recorded, but not yet to be read:", err)
	}
	return nil
}

// newTrace makes a trace id (W3C Trace Context, section 3.2.2.3).
func newTrace() string {
	id := uuid.New()
	return fmt.Sprintf("%x", id[:])
}

type exportCommand struct{ verbs.Where }

// Run writes what there is in the format that apply reads.
func (c exportCommand) Run(ctx context.Context, t *terminal) error {
	api, err := newPublicAPI(ctx, c.Where)
	if err != nil {
		return err
	}
	return estate.Export(ctx, api, t.out)
}

//go:embed demo.yaml
var demo []byte

// loadDemo applies the demo estate through the public API.
func loadDemo(ctx context.Context, where verbs.Where, t *terminal) error {
	where.Timeout = demoTimeout
	docs, err := estate.Parse("demo.yaml", bytes.NewReader(demo))
	if err != nil {
		return err
	}
	api, err := newPublicAPI(ctx, where)
	if err != nil {
		return err
	}
	plan, err := estate.Make(ctx, api, docs, false)
	if err != nil {
		return err
	}
	return t.carryOut(ctx, api, plan)
}
