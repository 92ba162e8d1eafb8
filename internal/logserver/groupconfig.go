package logserver

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/reeve-platform/reeve/internal/logserver/share"
)

// allStream is how $all is named where a stream's name is asked for.
const allStream = "$all"

// A groupKey names a persistent subscription: its source and its group.
type groupKey struct {
	Stream string `json:"stream"`
	Group  string `json:"group"`
}

func (k groupKey) String() string     { return k.Stream + "::" + k.Group }
func (k groupKey) account() string    { return "$persistentsubscription-" + k.String() }
func (k groupKey) checkpoint() string { return k.account() + "-checkpoint" }
func (k groupKey) parked() string     { return k.account() + "-parked" }
func (k groupKey) ofAll() bool        { return k.Stream == allStream }

// valid refuses names that no group can have. The name of a group's accounts
// joins source and group with two colons, which must not be readable in two ways.
func (k groupKey) valid() error {
	switch {
	case k.Stream == "" || k.Stream == metaPrefix:
		return invalid("the stream name is empty")
	case len(k.Stream) > longestName, len(k.Group) > longestName:
		return errLongName
	case k.Group == "":
		return invalid("the group name is empty")
	case !utf8.ValidString(k.Stream):
		return invalid("a group's stream has a name in UTF-8") // what tells of groups has text only
	case strings.HasPrefix(k.Group, ":"), strings.Contains(k.Group, "::"):
		return invalid("a group name neither starts with a colon nor contains two in a row")
	}
	return nil
}

// startsAtEnd as StartFrom is the protocol's "only what is new".
const startsAtEnd = -1

// A groupConfig is what is stored of a group when it is created or updated.
// First is where StartFrom was when it was said: "the end" of that moment, so
// that a group which starts again before its first checkpoint misses nothing.
type groupConfig struct {
	groupKey
	ResolveLinks       bool           `json:"resolveLinkTos"`
	StartFrom          int64          `json:"startFrom"`
	First              int64          `json:"first"`
	ExtraStatistics    bool           `json:"extraStatistics"`
	MessageTimeout     int64          `json:"messageTimeout"` // milliseconds
	MaxRetryCount      int32          `json:"maxRetryCount"`
	LiveBufferSize     int32          `json:"liveBufferSize"`
	HistoryBufferSize  int32          `json:"historyBufferSize"`
	ReadBatchSize      int32          `json:"readBatchSize"`
	CheckpointAfter    int64          `json:"checkPointAfter"` // milliseconds
	MinCheckpointCount int32          `json:"minCheckPointCount"`
	MaxCheckpointCount int32          `json:"maxCheckPointCount"`
	MaxSubscriberCount int32          `json:"maxSubscriberCount"`
	Strategy           share.Strategy `json:"namedConsumerStrategy"`
	Filter             *groupFilter   `json:"filter,omitempty"`
}

// A groupFilter chooses events of $all, by type or by stream.
type groupFilter struct {
	ByType   bool     `json:"byType"`
	Regex    string   `json:"regex,omitempty"`
	Prefixes []string `json:"prefixes,omitempty"`
}

func (c groupConfig) settings() share.Settings {
	return share.Settings{
		Strategy:        c.Strategy,
		MaxRetries:      int(c.MaxRetryCount),
		Timeout:         time.Duration(c.MessageTimeout) * time.Millisecond,
		Buffer:          int(max(c.LiveBufferSize, c.HistoryBufferSize, c.ReadBatchSize)),
		CheckpointMin:   int(c.MinCheckpointCount),
		CheckpointMax:   int(c.MaxCheckpointCount),
		CheckpointAfter: time.Duration(c.CheckpointAfter) * time.Millisecond,
		MaxConsumers:    int(c.MaxSubscriberCount),
	}
}

// text writes a place the way the protocol does: a revision, or a position of
// which both halves are the same.
func (k groupKey) text(place int64) string {
	if k.ofAll() {
		return fmt.Sprintf("C:%d/P:%d", place, place)
	}
	return fmt.Sprint(place)
}

// place reads what text wrote.
func (k groupKey) place(text string) (place int64, err error) {
	var again int64
	if k.ofAll() {
		_, err = fmt.Sscanf(text, "C:%d/P:%d", &place, &again)
	} else {
		_, err = fmt.Sscan(text, &place)
	}
	return place, err
}

// consistent refuses settings that make no sense.
func (c groupConfig) consistent() error {
	if err := c.valid(); err != nil {
		return err
	}
	for _, n := range []int64{
		c.MessageTimeout, int64(c.MaxRetryCount), int64(c.LiveBufferSize), int64(c.HistoryBufferSize),
		int64(c.ReadBatchSize), c.CheckpointAfter, int64(c.MinCheckpointCount), int64(c.MaxCheckpointCount),
		int64(c.MaxSubscriberCount),
	} {
		if n < 0 || n > math.MaxInt32 {
			return invalid("a setting of the group is out of range")
		}
	}
	if !c.Strategy.Known() {
		return invalid("the group's consumer strategy is unknown")
	}
	_, err := c.Filter.compile()
	return err
}
