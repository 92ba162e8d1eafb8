package flag

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// A tally is the digest of an effect as it is found, in order, and what tells subjects
// apart in it: rules before, what the flags can serve, and who belongs to the segments
// before and after. It keeps nothing that grows with the nodes in reach.
type tally struct {
	shifts, shadows, rules hash.Hash
	others                 map[string]bool   // in no order, and found many times: as many as flags and segments
	served                 map[*edition]bool // and are among these
	targeted               bool
	text                   []byte // that is being written
}

func newTally() *tally {
	return &tally{shifts: sha256.New(), shadows: sha256.New(), rules: sha256.New(), others: map[string]bool{}, served: map[*edition]bool{}}
}

// write adds texts, each behind its length, so that no two lists of texts are alike.
func (t *tally) write(texts ...string) {
	for _, s := range texts {
		t.text = append(binary.AppendUvarint(t.text, uint64(len(s))), s...)
	}
}

// into adds what was written to a hash.
func (t *tally) into(h hash.Hash) {
	_, _ = h.Write(t.text) // a hash takes everything
	t.text = t.text[:0]
}

func (t *tally) place(p *Place) {
	t.write(string(p.Flag), string(p.Node), string(p.Level), string(p.Owner.Integrator), string(p.Owner.Tenant))
}

func (t *tally) outcome(o *Outcome) {
	if o == nil {
		t.write("")
		return
	}
	t.write("found", string(o.Value), o.Variant)
}

func (t *tally) shift(s *Shift) {
	t.place(&s.Place)
	for _, at := range s.named {
		t.text = binary.BigEndian.AppendUint64(t.text, uint64(at.Unix()))
		t.text = binary.BigEndian.AppendUint32(t.text, uint32(at.Nanosecond()))
	}
	t.outcome(s.Before)
	t.outcome(s.After)
	t.into(t.shifts)
}

func (t *tally) shadow(s *Shadow) {
	t.place(&s.Place)
	t.write(string(s.Ruling), string(s.By))
	t.into(t.shadows)
}

// rule adds one that a node in reach says.
func (t *tally) rule(node uuid.UUID, k Key, position uint64) {
	t.text = append(t.text, node[:]...)
	t.write(string(k))
	t.text = binary.BigEndian.AppendUint64(t.text, position)
	t.into(t.rules)
}

// above adds one that is said above all that is in reach.
func (t *tally) above(node uuid.UUID, k Key, position uint64) {
	t.others[fmt.Sprint(node, k, position)] = true
}

// serves adds all that a flag can come to, and when.
func (t *tally) serves(f *edition) {
	if t.served[f] {
		return
	}
	t.served[f] = true
	d := f.Definition
	text, _ := json.Marshal([]any{f.Key, f.Status, d.Default, d.Off, d.Variants, d.Mode, f.Prerequisites}) // which came out of JSON
	t.others[string(text)] = true
}

func (t *tally) segment(k SegmentKey, position uint64) {
	t.others[fmt.Sprint("segment", k, position)] = true
}

func (t *tally) digest() string {
	all := sha256.New()
	for _, h := range []hash.Hash{t.shifts, t.shadows, t.rules} {
		_, _ = all.Write(h.Sum(nil)) // a hash takes everything
	}
	t.write(slices.Sorted(maps.Keys(t.others))...)
	t.into(all)
	return hex.EncodeToString(all.Sum(nil)[:16])
}
