package flag

import (
	"crypto/sha256"
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
}

func newTally() *tally {
	return &tally{sha256.New(), sha256.New(), sha256.New(), map[string]bool{}, map[*edition]bool{}, false}
}

// tell adds parts, which are texts and JSON, to a hash.
func tell(h hash.Hash, parts ...any) { _ = json.NewEncoder(h).Encode(parts) }

func (t *tally) shift(s *Shift) { tell(t.shifts, s.Place, s.named, s.Before.seen(), s.After.seen()) }

func (t *tally) shadow(s *Shadow) { tell(t.shadows, s.Place, s.Ruling, s.By) }

// rule adds one that a node in reach says.
func (t *tally) rule(node uuid.UUID, k Key, position uint64) {
	tell(t.rules, node, k, position)
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
	tell(all, slices.Sorted(maps.Keys(t.others)))
	return hex.EncodeToString(all.Sum(nil)[:16])
}
