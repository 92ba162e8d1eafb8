package main

import (
	"context"
	"os"

	"github.com/alecthomas/kong"
	"github.com/vbauerster/mpb/v8/cwriter"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
	"github.com/reeve-platform/reeve/readapi"
)

// commandLine is every verb that is written by hand.
type commandLine struct {
	operations
	Apply      applyCommand      `cmd:"" group:"Ask" help:"Make the platform look like files."`
	Import     importCommand     `cmd:"" group:"Ask" help:"Say what another flag system exported as a file to apply."`
	Export     exportCommand     `cmd:"" group:"Ask" help:"Write the platform as files."`
	Completion completionCommand `cmd:"" group:"Operate" help:"Print a script that lets a shell complete verbs and flags."`
}

const description = `The control plane for multi-tenant software: integrators, tenants, flags and quotas, kept as facts in a log.

Every question and every command of the API is a verb. Answers go to standard output, remarks to standard error.`

// grammar is the whole command line: what runs the product, and a verb for every
// entry of both catalogues.
func grammar(ctx context.Context, t *terminal) (*kong.Kong, error) {
	file, err := configFile()
	if err != nil {
		return nil, err
	}
	options, err := verbs.Grammar(catalogues())
	if err != nil {
		return nil, err
	}
	options = append(options, kong.Name("reeve"), kong.Description(description), kong.Writers(t.out, t.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}), kong.Resolvers(file),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(t, t.printer()))
	return kong.New(&commandLine{}, options...)
}

// catalogues are all entries, to be read and not to be called.
func catalogues() []edge.Served {
	return append(edge.With[*commands.Ledger](nil, commands.Catalog), edge.With[*readapi.Source](nil, readapi.Catalog)...)
}

// printer prints answers, as wide and as colourful as whoever reads them likes.
func (t *terminal) printer() *verbs.Terminal {
	p := &verbs.Terminal{Out: t.out, Err: t.err}
	if f, ok := t.out.(*os.File); ok && cwriter.IsTerminal(int(f.Fd())) {
		p.Width, _, _ = cwriter.GetSize(int(f.Fd()))
		p.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return p
}
