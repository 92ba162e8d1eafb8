package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// logDir says which log of this machine a verb looks after.
type logDir struct {
	DataDir string `env:"REEVE_DATA_DIR" default:".reeve" help:"Data directory of the Reeve whose log it is."`
	Dir     string `arg:"" optional:"" help:"The log's own directory, if it is not the one in the data directory."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (d logDir) path() string {
	if d.Dir != "" {
		return d.Dir
	}
	return filepath.Join(d.DataDir, "log")
}

type logVerify struct {
	logDir
	Strict bool `help:"Count warnings as damage."`
}

// Run reads the whole log and fails when anything is wrong with it.
func (c logVerify) Run(ctx context.Context, t *terminal) error {
	p := t.course("verifying", "keys")
	v, err := logserver.Verify(ctx, c.path(), func(v logserver.Verification) { p.told(v.Done, v.All) })
	p.end()
	if err != nil {
		return err
	}
	if c.JSON {
		err = t.json(v)
	} else {
		err = printVerification(t.out, v)
	}
	if wrong := int(v.Found); err == nil && (wrong > 0 || c.Strict && len(v.Warnings) > 0) {
		err = errFindings{wrong, len(v.Warnings)}
	}
	return err
}

func printVerification(w io.Writer, v logserver.Verification) error {
	for _, f := range v.Findings {
		fmt.Fprintln(w, "damage: ", f)
	}
	if more := v.Found - uint64(len(v.Findings)); more > 0 {
		fmt.Fprintf(w, "damage:  and %d more\n", more)
	}
	for _, f := range v.Warnings {
		fmt.Fprintln(w, "warning:", f)
	}
	_, err := fmt.Fprintf(w, "log %s: %d events (%d bytes) in %d streams, %d scavenged, %d lost in repairs; head %d, durable mark %d, %d tables; %d findings, %d warnings, %.1f s\n",
		v.LogID, v.Events, v.Bytes, v.Streams, v.Scavenged, v.Lost, v.Head, v.Mark, v.Tables, v.Found, len(v.Warnings), v.Seconds)
	return err
}

// errFindings: something is wrong with the log, as has been printed.
type errFindings struct{ findings, warnings int }

func (e errFindings) Error() string {
	return fmt.Sprintf("the log has %d findings and %d warnings", e.findings, e.warnings)
}

// ExitCode is the one for corruption.
func (errFindings) ExitCode() int { return exitCorrupt }

type logRepair struct {
	logDir
	DryRun bool `name:"dry-run" help:"Say what would be kept and lost, and change nothing."`
}

// Run makes a good log of a damaged one, after copying it aside.
func (c logRepair) Run(ctx context.Context, t *terminal) error {
	r, err := logserver.RepairDir(ctx, c.path(), c.DryRun)
	if r.Copy != "" {
		fmt.Fprintln(t.err, "the log as it was is in", r.Copy)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return t.json(r)
	}
	return printRepair(t.out, r)
}

func printRepair(w io.Writer, r logserver.Repair) error {
	if !r.Needed {
		_, err := fmt.Fprintf(w, "nothing is wrong with the log: %d events up to position %d\n", r.Kept, r.KeptTo)
		return err
	}
	for _, f := range r.Findings {
		fmt.Fprintln(w, "damage:", f)
	}
	if !r.Engine {
		fmt.Fprintln(w, "the storage engine cannot open the log; its files are read one by one")
	}
	fmt.Fprintf(w, "kept: %d events, up to position %d\n", r.Kept, r.KeptTo)
	if r.LostTo == 0 {
		fmt.Fprintln(w, "lost: nothing")
	} else {
		fmt.Fprintf(w, "lost: positions %d to %d (at %d %s)\n", r.LostFrom, r.LostTo, r.LostFrom, r.Reason)
	}
	if !r.Done {
		_, err := fmt.Fprintln(w, "this was a dry run: nothing has been changed")
		return err
	}
	_, err := fmt.Fprintf(w, "head: %d, the event in %s that tells of this repair\ncopy: %s\nreport: %s\n", r.Head, logserver.RepairStream, r.Copy, r.Report)
	return err
}

type logCompact struct{ logDir }

// Run removes what stream metadata has made unreadable from a log that is not
// being served. A running server does it on SIGUSR1.
func (c logCompact) Run(ctx context.Context, t *terminal) error {
	p := t.course("scavenging", "streams looked at")
	done, err := logserver.CompactDir(ctx, c.path(), t.log, func(c logserver.Compaction) { p.told(c.Streams, 0) })
	p.end()
	if err != nil {
		return err
	}
	if c.JSON {
		return t.json(done)
	}
	_, err = fmt.Fprintf(t.out, "%d events of %d bytes scavenged in %d streams; the store takes %d bytes instead of %d; %.1f s\n",
		done.Scavenged, done.Freed, done.Streams, done.After, done.Before, done.Seconds)
	return err
}
