package logserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reeve-platform/reeve/internal/logserver/share"
)

// readSource offers what follows the cursor, as far as there is room; true
// when there is room for more, and more.
func (r *groupRun) readSource() (more bool, err error) {
	batch := min(r.group.Room(), int(max(r.config.ReadBatchSize, 1)), pageEvents)
	if batch == 0 {
		return false, nil
	}
	if r.ofAll() {
		return r.readAllSource(batch)
	}
	return r.readStreamSource(batch)
}

// readAllSource reads a whole page when a filter will pass over most of it.
func (r *groupRun) readAllSource(batch int) (bool, error) {
	if r.filter != nil {
		batch = pageEvents
	}
	p, err := r.forwards(uint64(max(r.cursor, 1)), uint64(batch))
	if err != nil {
		return false, err
	}
	for _, stored := range p.records {
		if r.group.Room() == 0 {
			return false, nil
		}
		if err := r.consider(stored); err != nil {
			return false, err
		}
	}
	r.live = r.cursor > int64(r.head.Load())
	return !r.live, nil
}

func (r *groupRun) consider(stored record) error {
	place := int64(stored.position)
	switch {
	case ownAccount(stored.wire):
		r.group.Skip(place, false)
	case stored.removed(), !r.filter.passes(stored.wire):
		r.group.Skip(place, true)
	default:
		m, err := r.message(stored, place)
		if err != nil {
			return err
		}
		r.group.Offer(m)
	}
	r.cursor = place + 1
	return nil
}

// ownAccount is true for what groups of $all write, metadata included: whoever
// was given these would never come to rest.
func ownAccount(wire []byte) bool {
	return !visible(wire) || strings.HasPrefix(string(streamOf(wire)), metastream("$persistentsubscription-$all::"))
}

// readStreamSource reads a stream as far as its metadata shows it. A stream
// that has ended has nothing more to say.
func (r *groupRun) readStreamSource(batch int) (bool, error) {
	entries, err := r.entriesFrom(r.Stream, r.cursor, batch)
	if err != nil {
		return false, err
	}
	if r.live = len(entries) < batch; len(entries) == 0 {
		return false, nil
	}
	v, err := r.view(r.Stream)
	if err != nil || v.ended {
		return false, err
	}
	p, err := r.fetch(entries)
	if err != nil {
		return false, err
	}
	for i, stored := range p.records {
		if err := r.considerEntry(entries[i].revision, stored, v); err != nil {
			return false, err
		}
	}
	return !r.live || len(p.records) < len(entries), nil
}

// considerEntry moves the cursor last: what could not be read is read again.
func (r *groupRun) considerEntry(revision int64, stored record, v view) error {
	shown, err := v.shows(revision, stored)
	if err != nil {
		return err
	}
	if shown {
		m, err := r.message(stored, revision)
		if err != nil {
			return err
		}
		r.group.Offer(m)
	} else {
		r.group.Skip(revision, true)
	}
	r.cursor = revision + 1
	return nil
}

// shows says whether the stream's metadata lets a reader see an event.
func (v view) shows(revision int64, stored record) (bool, error) {
	if stored.removed() || revision < v.first() {
		return false, nil
	}
	expired, err := stored.expired(v.limits.oldest(time.Now()))
	return !expired, err
}

// readParked offers parked events that are to be replayed.
func (r *groupRun) readParked() error {
	room := r.group.Room()
	if r.replay.next >= r.replay.stop || room == 0 {
		return nil
	}
	first, next, err := r.parkedRange(r.groupKey)
	if err != nil {
		return err
	}
	r.replay.stop = min(r.replay.stop, next)
	r.replay.next = max(r.replay.next, first)
	limit := min(int64(room), r.replay.stop-r.replay.next, pageEvents)
	if limit <= 0 {
		return nil
	}
	entries, err := r.entriesFrom(r.parked(), r.replay.next, int(limit))
	for i := 0; err == nil && i < len(entries); i++ {
		err = r.offerParked(entries[i])
	}
	return err
}

// offerParked passes over an event that is gone meanwhile.
func (r *groupRun) offerParked(e entry) error {
	var event []byte
	d, err := r.decoded(e.position)
	if err == nil {
		event, err = r.linked(d.data)
	}
	switch {
	case err != nil && !errors.Is(err, errRemoved):
		return err
	case event == nil:
		r.group.SkipParked(e.revision)
	default:
		r.group.Offer(share.Message{
			ID: d.id, Place: e.revision, Parked: true, At: e.position, Bucket: r.bucket(event)})
	}
	r.replay.next = e.revision + 1
	return nil
}

// startReplay sends parked events again, those before a revision or, below
// zero, all there are.
func (r *groupRun) startReplay(stop int64) error {
	first, next, err := r.parkedRange(r.groupKey)
	if err != nil {
		return err
	}
	if stop >= 0 {
		next = min(next, stop)
	}
	r.replay.next = max(r.replay.next, first)
	r.replay.stop = max(r.replay.stop, next)
	return nil
}

func (r *groupRun) message(stored record, place int64) (share.Message, error) {
	d, err := decode(stored.wire)
	if err != nil {
		return share.Message{}, &CorruptionError{Path: r.path, Position: stored.position, Reason: "the record cannot be decoded", Cause: err}
	}
	m := share.Message{ID: d.id, Place: place, At: stored.position}
	event := d.event
	if r.config.ResolveLinks && r.config.Strategy == share.PinnedByCorrelation && string(d.kind) == linkType {
		target, err := r.linked(d.data)
		if err != nil {
			return m, err
		}
		if target != nil {
			event = target
		}
	}
	m.Bucket = r.bucket(event)
	return m, nil
}

// bucket is the share of an event under a pinned strategy: that of its
// correlation, or of the stream it comes from, which for a link is the other one.
func (r *groupRun) bucket(event []byte) uint32 {
	if r.config.Strategy != share.Pinned && r.config.Strategy != share.PinnedByCorrelation {
		return 0
	}
	var d decoded
	var custom []byte
	_ = eachField(event, func(n protowire.Number, v uint64, raw []byte) error { // decoded before
		if n == recordedCustom {
			custom = raw
		}
		return d.field(n, v, raw)
	})
	if r.config.Strategy == share.PinnedByCorrelation {
		var metadata struct {
			Correlation string `json:"$correlationId"`
		}
		if json.Unmarshal(custom, &metadata) == nil && metadata.Correlation != "" {
			return share.Bucket([]byte(metadata.Correlation))
		}
	}
	if _, source, isLink := bytes.Cut(d.data, []byte("@")); isLink && string(d.kind) == linkType {
		return share.Bucket(source)
	}
	return share.Bucket(d.stream)
}
