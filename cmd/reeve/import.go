package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/reeve-platform/reeve/internal/edge/verbs"
	"github.com/reeve-platform/reeve/internal/estate"
	"github.com/reeve-platform/reeve/internal/estate/foreign"
)

type importCommand struct {
	Source      foreign.Source `arg:"" enum:"flagd,unleash,launchdarkly" help:"System that wrote the file: flagd, unleash or launchdarkly."`
	File        string         `arg:"" placeholder:"FILE" help:"What it exported, as JSON; - is standard input."`
	Environment string         `placeholder:"NAME" help:"Which of the environments that the file speaks of."`
	Strict      bool           `help:"Write nothing and fail if anything would be lost."`
	verbs.How
}

// Run writes the file that apply takes, and a line for each thing that is not in it
// as it was. It asks no server.
func (c importCommand) Run(t *terminal) error {
	im, err := c.read(t.in)
	if err != nil {
		return err
	}
	for _, f := range im.Findings {
		fmt.Fprintln(t.err, f)
	}
	if n := im.Losses(); n > 0 && c.Strict {
		return foreign.ErrLossy.With(fmt.Sprintf("%d things could not be carried over faithfully; nothing was written", n))
	}
	var file bytes.Buffer
	if err := estate.Write(&file, im.Documents()); err != nil {
		return err
	}
	if c.Output == "table" {
		_, err := file.WriteTo(t.out)
		return err
	}
	answer, err := json.Marshal(carried{im.Findings, file.String()})
	if err != nil {
		return err
	}
	return t.printer().Print(c.Output, answer, reflect.TypeFor[carried]())
}

// A carried answer is what was found in a file, and the file that it came to.
type carried struct {
	Items  []foreign.Finding `json:"items"`
	Estate string            `json:"estate"`
}

func (c importCommand) read(in io.Reader) (*foreign.Import, error) {
	if c.File == "-" {
		return foreign.Read(c.Source, c.Environment, in)
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, errNoFile.With(c.File + " cannot be read").Because(errors.Unwrap(err))
	}
	defer f.Close()
	return foreign.Read(c.Source, c.Environment, f)
}
