package logserver

// pageEvents and pageBytes bound what one reader holds between two sends: a
// reader that stops reading costs this much memory and nothing else.
const (
	pageEvents = 512
	pageBytes  = 256 << 10
)

// A page is a bounded run of records on its way to one reader.
type page struct {
	records []record
	bytes   int
	limit   int
	arena   []byte
}

// newPage holds at most limit records, and never more than pageEvents.
func newPage(limit uint64) *page {
	p := &page{}
	p.begin(limit)
	return p
}

// begin empties a page for the next run. What was in it stays valid.
func (p *page) begin(limit uint64) {
	p.records, p.bytes, p.limit = p.records[:0], 0, int(min(limit, pageEvents))
}

func (p *page) full() bool {
	return len(p.records) >= p.limit || p.bytes >= pageBytes
}

func (p *page) add(r record) {
	p.records = append(p.records, r)
	p.bytes += len(r.wire)
}

// copy adds a record whose bytes belong to somebody else.
func (p *page) copy(position uint64, wire []byte) {
	if len(wire) > cap(p.arena)-len(p.arena) {
		p.arena = make([]byte, 0, max(16<<10, len(wire)))
	}
	start := len(p.arena)
	p.arena = append(p.arena, wire...)
	p.add(record{position: position, wire: p.arena[start:len(p.arena):len(p.arena)]})
}

// last is the position of the newest record, or otherwise when there is none.
func (p *page) last(otherwise uint64) uint64 {
	if len(p.records) == 0 {
		return otherwise
	}
	return p.records[len(p.records)-1].position
}
