package flag

// Since is how many facts have come behind a position. It takes a lock.
func (b *Book) Since(position uint64) int { return b.clock.since(position) }

// since is how many ticks are behind a position.
func (c *clock) since(position uint64) (n int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	from := c.begun(func(_ int64, p uint64) bool { return p <= position })
	for i := from; i < len(c.spans); i++ {
		n += c.spans[i].count
	}
	if from > 0 {
		for _, p := range c.spans[from-1].all {
			if p > position {
				n++
			}
		}
	}
	return n
}
