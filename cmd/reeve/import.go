package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/reeve-platform/reeve/internal/estate"
	"github.com/reeve-platform/reeve/internal/estate/foreign"
)

type importCommand struct {
	Format      string `arg:"" enum:"flagd,launchdarkly,unleash" help:"What the file is of: flagd, launchdarkly or unleash."`
	File        string `arg:"" placeholder:"FILE" help:"File to read; - is standard input."`
	Environment string `placeholder:"NAME" help:"Environment to take, where the file has several."`
	Report      string `placeholder:"FILE" help:"Write what could not be carried over to a file, as JSON."`
	Strict      bool   `help:"Write nothing unless everything can be carried over."`
}

// Run writes what another system keeps its flags in as a file for apply, and tells what
// could not be carried over.
func (c importCommand) Run(t *terminal) error {
	in := t.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return errNoFile.With(c.File + " cannot be read").Because(err)
		}
		defer f.Close()
		in = f
	}
	r, err := foreign.Read(c.Format, in, c.Environment)
	if err != nil {
		return err
	}
	for _, l := range r.Losses {
		fmt.Fprintln(t.err, l)
	}
	if c.Report != "" {
		if err := report(c.Report, r.Losses); err != nil {
			return err
		}
	}
	if c.Strict && len(r.Losses) > 0 {
		return foreign.ErrLossy.With(fmt.Sprintf("%d things cannot be carried over", len(r.Losses)))
	}
	fmt.Fprintf(t.err, "%d documents, %d things that could not be carried over\n", len(r.Documents), len(r.Losses))
	if len(r.Documents) == 0 {
		return nil
	}
	return estate.Write(t.out, r.Documents)
}

func report(path string, losses []foreign.Loss) error {
	b, err := json.MarshalIndent(append([]foreign.Loss{}, losses...), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}
