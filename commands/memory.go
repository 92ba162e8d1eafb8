package commands

import (
	"context"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// memory is what is known of one stream: the state folded from it and from the
// streams it reads, and which commands have had their effect. Only the command
// whose turn it is on the stream touches it.
type memory[S domain.State[S]] struct {
	state    S
	next     uint64 // revision the next fact will get
	position uint64 // of the last fact
	effects  map[uuid.UUID]effect
	reads    map[domain.StreamID]read
	verified bool // the streams were read during this call
}

// A read is how far another stream has been folded, and when that was checked.
type read struct {
	next uint64
	at   time.Time
}

// An effect is what one command did to a stream; it is found by the id of its
// first fact.
type effect struct {
	first, last uint64 // revisions
	position    uint64
	types       []string
	command     string
	fingerprint string
}

type memoryKey struct {
	stream domain.StreamID
	state  reflect.Type
}

// fresh is how long it is believed that another stream has gained nothing, unless
// the log is looked at anyway. Facts written by this process are known at once.
const fresh = time.Second

func keyOf[S domain.State[S]](s domain.StreamID) memoryKey {
	return memoryKey{s, reflect.TypeFor[S]()}
}

// recall gives the memory of a command's stream, from memory or from the log.
func (c *call[C, S]) recall(ctx context.Context) (*memory[S], error) {
	if known, ok := c.memory.Get(keyOf[S](c.cmd.Stream())); ok {
		m := known.(*memory[S])
		m.verified = false
		return m, c.readOthers(ctx, m)
	}
	m := &memory[S]{effects: map[uuid.UUID]effect{}, reads: map[domain.StreamID]read{}}
	return m, c.refresh(ctx, m)
}

// refresh reads what the stream has gained since, if that matters, and the other
// streams.
func (c *call[C, S]) refresh(ctx context.Context, m *memory[S]) error {
	if !c.fleeting() {
		events, err := c.log.Read(ctx, c.cmd.Stream(), m.next)
		if err != nil {
			return err
		}
		if err := m.absorb(events); err != nil {
			return err
		}
	}
	m.verified = true
	if err := c.readOthers(ctx, m); err != nil {
		return err
	}
	c.memory.Add(keyOf[S](c.cmd.Stream()), m)
	return nil
}

// fleeting reports whether the command's own stream is of no consequence to it.
func (c *call[C, S]) fleeting() bool {
	_, fleeting := any(c.cmd).(domain.Fleeting)
	return fleeting
}

// absorb folds recorded facts of the own stream and notes whose they are.
func (m *memory[S]) absorb(events []domain.Recorded) error {
	var first uuid.UUID
	for _, r := range events {
		if r.Err != nil {
			return domain.ErrUnreadableEvent.Because(r.Err)
		}
		m.state = m.state.Evolve(r.Event)
		m.next, m.position = r.Revision+1, r.Position
		first = m.note(first, r)
	}
	return nil
}

// note adds a fact to its command's effect. Facts of one command are neighbours.
func (m *memory[S]) note(first uuid.UUID, r domain.Recorded) uuid.UUID {
	e, same := m.effects[first]
	if !same || e.command != r.Meta.CommandID || e.last+1 != r.Revision {
		first = r.ID
		e = effect{first: r.Revision, command: r.Meta.CommandID, fingerprint: r.Meta.Fingerprint}
	}
	e.last, e.position = r.Revision, r.Position
	e.types = append(e.types, r.Type)
	m.effects[first] = e
	return first
}

// readOthers folds the streams that the command's rule reads, until it names
// nothing new.
func (c *call[C, S]) readOthers(ctx context.Context, m *memory[S]) error {
	reader, ok := any(c.cmd).(domain.Reader[S])
	if !ok {
		return nil
	}
	asked := map[domain.StreamID]bool{}
	for {
		var missing []domain.StreamID
		for _, s := range reader.Reads(m.state) {
			if !asked[s] {
				asked[s] = true
				missing = append(missing, s)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		for _, s := range missing {
			if err := m.readOther(ctx, c.Ledger, s); err != nil {
				return err
			}
		}
	}
}

func (m *memory[S]) readOther(ctx context.Context, l *Ledger, s domain.StreamID) error {
	known, now := m.reads[s], l.o.Now()
	head, _ := l.heads.Get(s)
	if !m.verified && known.next >= head && now.Sub(known.at) < fresh {
		return nil
	}
	events, err := l.log.Read(ctx, s, known.next)
	if err != nil {
		return err
	}
	for _, r := range events {
		if r.Err != nil {
			return domain.ErrUnreadableEvent.Because(r.Err)
		}
		m.state = m.state.Evolve(r.Event)
		known.next = r.Revision + 1
	}
	known.at = now
	m.reads[s] = known
	return nil
}
