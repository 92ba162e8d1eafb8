package main

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/eventstore"
)

type logCommands struct {
	Serve   logServe   `cmd:"" help:"Serve the log of the data directory to EventStoreDB clients, without Reeve."`
	Dump    logDump    `cmd:"" help:"Print events as JSON, one a line, in the order of the log."`
	Verify  logVerify  `cmd:"" help:"Read the whole log of a stopped server and report everything that is wrong with it."`
	Repair  logRepair  `cmd:"" help:"Make a good log of a damaged one: copy it aside, keep what comes before the damage."`
	Compact logCompact `cmd:"" help:"Remove the events that stream metadata has made unreadable, and give their space back."`

	User logUserCommands `cmd:"" help:"Who may use a log that is served with users."`
}

type logDump struct {
	LogURL  string `env:"REEVE_LOG_URL" help:"esdb:// address; empty for the embedded log at REEVE_LOG_ADDR."`
	LogAddr string `env:"REEVE_LOG_ADDR" default:"127.0.0.1:2113" help:"Address of a running embedded log."`
	From    uint64 `help:"First position, inclusive."`
	To      uint64 `help:"Last position, inclusive; 0 for the head."`
	JSON    bool   `name:"json" default:"true" negatable:"" help:"One JSON object a line."`
}

// A dumped event is one line of the dump.
type dumped struct {
	Position uint64          `json:"position"`
	Stream   string          `json:"stream"`
	Revision uint64          `json:"revision"`
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Created  time.Time       `json:"created"`
	Data     json.RawMessage `json:"data"`
	Metadata json.RawMessage `json:"metadata"`
}

// Run prints the log through the same protocol that any client speaks.
func (c logDump) Run(ctx context.Context, t *terminal) error {
	url := c.LogURL
	if url == "" {
		url = "esdb://" + c.LogAddr + "?tls=false"
	}
	if err := checkLogURL(url); err != nil {
		return err
	}
	store, err := eventstore.Open(url, events.Registry, eventstore.Options{Logger: t.log})
	if err != nil {
		return errLogURL(err)
	}
	defer store.Close()
	if c.To == 0 {
		c.To = math.MaxUint64
	}
	out := json.NewEncoder(t.out)
	for raw, err := range store.Dump(ctx, c.From, c.To) {
		if err != nil {
			return err
		}
		if err := out.Encode(dumped(raw)); err != nil {
			return err
		}
	}
	return nil
}
