package logserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/internal/logserver/share"
)

// A group's account is two streams: how far it has come, and links to what it
// has parked. Both survive whatever the process does.

const checkpointType = "$SubscriptionCheckpoint"

// note appends events of the server's own to a stream.
func (j *journal) note(stream string, all ...content) error {
	w := &write{stream: stream, expected: expectAny}
	for _, c := range all {
		w.events = append(w.events, propose(stream, c))
	}
	o, err := j.sequence.submit(context.Background(), w)
	return errors.Join(err, o.err)
}

// describe has a stream begin at a revision and, above zero, show so many
// events at most; what else its metadata says stays.
func (j *journal) describe(stream string, before int64, maxCount int) error {
	old, err := j.metadata(stream, j.head.Load())
	if err != nil {
		return err
	}
	fields := metadataFields(old)
	fields["$tb"] = fmt.Append(nil, before)
	if maxCount > 0 {
		fields["$maxCount"] = fmt.Append(nil, maxCount)
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return j.note(metastream(stream), content{id: uuid.New(), kind: metadataType, json: true, data: data})
}

// clear hides what an earlier group of the same name may have left, and lets
// compaction have all checkpoints but the last.
func (j *journal) clear(k groupKey) error {
	head := j.head.Load()
	checkpoint, err := j.last(k.checkpoint(), head)
	if err != nil {
		return err
	}
	if err := j.describe(k.checkpoint(), checkpoint.revision+1, 1); err != nil {
		return err
	}
	parked, err := j.last(k.parked(), head)
	if err != nil || parked == noEntry {
		return err
	}
	return j.describe(k.parked(), parked.revision+1, 0)
}

// forget deletes a group's account.
func (j *journal) forget(k groupKey) (err error) {
	for _, stream := range []string{k.checkpoint(), k.parked()} {
		o, failed := j.sequence.submit(context.Background(), &write{action: hideStream, stream: stream, expected: expectAny})
		if errors.Is(o.err, errClash) || errors.Is(o.err, errStreamDeleted) {
			continue // it never was, or is gone
		}
		err = errors.Join(err, failed, o.err)
	}
	return err
}

// checkpointed is the last checkpoint of a group; -1 when there is none.
func (j *journal) checkpointed(k groupKey) (int64, error) {
	v, err := j.view(k.checkpoint())
	if err != nil || v.gone() || v.last.revision < v.first() {
		return -1, err
	}
	d, err := j.decoded(v.last.position)
	if err != nil {
		return -1, err
	}
	place, ours := k.readCheckpoint(d)
	if !ours { // beginning at the start repeats, but loses nothing
		j.logger.Warn("not a checkpoint of the persistent subscription", "group", k.String(), "revision", d.revision)
		return -1, nil
	}
	return place, nil
}

// readCheckpoint reads what writeCheckpoint wrote; false when it did not.
func (k groupKey) readCheckpoint(d decoded) (place int64, ours bool) {
	var text string
	if string(d.kind) != checkpointType || json.Unmarshal(d.data, &text) != nil {
		return -1, false
	}
	place, err := k.place(text)
	return place, err == nil && place >= 0
}

func (j *journal) writeCheckpoint(k groupKey, place int64) error {
	if planted("group-checkpoint-ahead") {
		place += 20
	}
	data := fmt.Appendf(nil, "%q", k.text(place))
	return j.note(k.checkpoint(), content{id: uuid.New(), kind: checkpointType, json: true, data: data})
}

// parkedRange is the first and the next revision of a group's parked stream.
func (j *journal) parkedRange(k groupKey) (first, next int64, err error) {
	v, err := j.view(k.parked())
	if err != nil || v.ended || v.last == noEntry {
		return 0, 0, err
	}
	next = v.last.revision + 1
	return min(v.first(), next), next, nil
}

// park writes links to events into the parked stream, all or none.
func (j *journal) park(k groupKey, all []share.Parking) error {
	links := make([]content, 0, len(all))
	for _, p := range all {
		link, err := j.parkedLink(p)
		if errors.Is(err, errRemoved) {
			continue // there is nothing left that a link could lead to
		}
		if err != nil {
			return err
		}
		links = append(links, link)
	}
	if len(links) == 0 || planted("parked-dropped") {
		return nil
	}
	return j.note(k.parked(), links...)
}

func (j *journal) parkedLink(p share.Parking) (content, error) {
	d, err := j.decoded(p.At)
	if err != nil {
		return content{}, err
	}
	data := d.data // of a replayed event: the link it was parked by
	if !p.Parked {
		data = fmt.Appendf(nil, "%d@%s", d.revision, d.stream)
	}
	custom, err := json.Marshal(map[string]any{
		"added": time.Now().UTC(), "reason": p.Reason, "subscriptionEventNumber": p.Place})
	return content{id: uuid.New(), kind: linkType, custom: custom, data: data}, err
}

// decoded reads the record at a position that was seen before; errRemoved when it
// is gone meanwhile.
func (j *journal) decoded(position uint64) (decoded, error) {
	r, err := j.record(position)
	if err != nil {
		return decoded{}, err
	}
	d, err := decode(r.wire)
	if err != nil {
		return d, &CorruptionError{Path: j.path, Position: position, Reason: "the record cannot be decoded", Cause: err}
	}
	return d, nil
}
