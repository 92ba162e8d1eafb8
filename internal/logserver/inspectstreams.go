package logserver

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// A lane is the stream that the inspector is in.
type lane struct {
	name  string
	last  int64
	known bool
}

// streams goes through the entries of all streams. Of a stream the oldest
// events may have been removed, but none in its middle.
func (i *inspector) streams(ctx context.Context) error {
	var at lane
	err := i.each(ctx, streamRegion, func(key, value []byte) error {
		name, ok := streamIn(key)
		if !ok || len(value) != 8 {
			i.find(Finding{Path: i.path, Text: fmt.Sprintf("the key %x is not a stream's", key)})
			return nil
		}
		i.step(&at, name, revisionOf(key))
		i.entry(name, revisionOf(key), binary.BigEndian.Uint64(value))
		return nil
	})
	if err != nil {
		return err
	}
	if i.earlier > i.Scavenged+i.Lost {
		i.find(Finding{Path: i.path, Text: fmt.Sprintf("streams miss their first %d events, but only %d were removed", i.earlier, i.Scavenged+i.Lost)})
	}
	for position, print := range i.prints {
		if print != 0 {
			i.find(Finding{Path: i.path, Position: uint64(position), Text: "the record is missing from its stream"})
		}
	}
	return nil
}

// step moves to the next revision of a stream, or to the first of the next one.
func (i *inspector) step(at *lane, name string, revision int64) {
	if !at.known || at.name != name {
		*at = lane{name: name, known: true, last: revision}
		i.Streams++
		if revision != tombstoneRevision {
			i.earlier += uint64(revision)
		}
		i.lint(name)
		return
	}
	if revision != at.last+1 && revision != tombstoneRevision {
		i.find(Finding{Path: i.path, Stream: name, Text: fmt.Sprintf("revision %d is followed by %d", at.last, revision)})
	}
	at.last = revision
}

// entry finds the event an entry leads to.
func (i *inspector) entry(name string, revision int64, position uint64) {
	if position < uint64(len(i.prints)) && i.prints[position] == i.print([]byte(name), revision) {
		i.prints[position] = 0
		return
	}
	i.find(Finding{Path: i.path, Position: position, Stream: name,
		Text: fmt.Sprintf("revision %d leads to a position where it is not", revision)})
}

// lint warns of an application's stream that forgets: nobody will ever be able
// to say what it held.
func (i *inspector) lint(meta string) {
	target, ok := metaTarget(meta)
	if !ok || strings.HasPrefix(target, "$") {
		return
	}
	data, err := i.metadata(target, i.head.Load())
	if err != nil {
		return // found by position already
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return
	}
	for _, key := range []string{"$maxAge", "$maxCount", "$tb"} {
		if v, ok := fields[key]; ok {
			i.warn(Finding{Path: i.path, Stream: target, Text: fmt.Sprintf("the stream forgets events: its metadata has %s %s", key, v)})
		}
	}
}

// strangers finds keys outside the known regions.
func (i *inspector) strangers(ctx context.Context) (err error) {
	it, err := i.db.NewIter(&pebble.IterOptions{})
	if err != nil {
		return i.damaged(0, err)
	}
	defer func() { _ = it.Close() }() // its error is the one below
	for ok := it.First(); ok; {
		switch region := it.Key()[0]; region {
		case logRegion, streamRegion, factRegion:
			ok = it.SeekGE([]byte{region + 1})
		default:
			i.find(Finding{Path: i.path, Text: fmt.Sprintf("the key %x belongs to nothing", it.Key())})
			if ok = it.Next(); ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return i.scanError(it, 0)
}
