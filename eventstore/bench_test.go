package eventstore

import (
	"fmt"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// Catching up with a log of small events, a hundred to an append.
func BenchmarkPages(b *testing.B) {
	log, _ := serve(b, b.TempDir(), "127.0.0.1:0")
	s := open(b, log.URL())
	const events, each = 100_000, 100
	numbers := make([]int, each)
	for i := range numbers {
		numbers[i] = i
	}
	for i := range events / each {
		stream := domain.StreamID(fmt.Sprintf("note-%d", i))
		m := meta
		m.CommandID = string(stream)
		if _, err := s.Append(b.Context(), stream, 0, m, notes(string(stream), numbers...)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		seen := 0
		for page, err := range s.Pages(b.Context(), 0, 2000) {
			if err != nil {
				b.Fatal(err)
			}
			if seen += len(page.Events); seen == events {
				break
			}
		}
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
