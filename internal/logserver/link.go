package logserver

import (
	"bytes"
	"errors"
	"strconv"
	"time"
)

// linked finds the event a link's data names ("revision@stream"). It returns
// nil when the link dangles: the event never was, has expired, or its stream
// is deleted.
func (j *journal) linked(data []byte) ([]byte, error) {
	revision, stream, ok := target(data)
	if !ok {
		return nil, nil
	}
	v, err := j.view(stream)
	if err != nil || v.gone() || revision < v.first() {
		return nil, err
	}
	e, err := j.entryAt(stream, revision)
	if err != nil || e == noEntry || e.position > j.head.Load() {
		return nil, err
	}
	r, err := j.record(e.position)
	if errors.Is(err, errRemoved) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := decode(r.wire)
	if err != nil || d.created < v.limits.oldest(time.Now()) {
		return nil, err
	}
	return d.event, nil
}

func target(data []byte) (revision int64, stream string, ok bool) {
	number, name, _ := bytes.Cut(data, []byte("@"))
	revision, err := strconv.ParseInt(string(number), 10, 64)
	if planted("link-to-next") {
		revision++
	}
	return revision, string(name), err == nil && revision >= 0 && len(name) > 0
}

// A view is what a reader may see of a stream at this moment.
type view struct {
	last   entry
	limits retention
	ended  bool // tombstoned
}

func (v view) missing() bool { return v.last == noEntry || v.limits.deleted() }
func (v view) gone() bool    { return v.ended || v.missing() }
func (v view) first() int64  { return v.limits.first(v.last.revision) }

// view reads a stream's durable end and its retention.
func (j *journal) view(stream string) (v view, err error) {
	if v.last, err = j.last(stream, j.head.Load()); err != nil {
		return v, err
	}
	v.ended = v.last.revision == tombstoneRevision
	if target, meta := metaTarget(stream); meta {
		end, err := j.last(target, j.head.Load())
		if err != nil {
			return v, err
		}
		v.ended = v.ended || end.revision == tombstoneRevision
	}
	if v.ended {
		return v, nil
	}
	v.limits, err = j.retention(stream)
	return v, err
}
