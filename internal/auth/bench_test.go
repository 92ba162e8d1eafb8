package auth_test

import (
	"fmt"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// A token that comes again costs a hash and a few look-ups; one that is new costs
// an RSA verification.
func BenchmarkToken(b *testing.B) {
	w := newWorld(b)
	text := w.token(b, billing, north)
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.verifier.Token(b.Context(), text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		fresh := make([]string, 0, 256)
		for i := range 256 {
			fresh = append(fresh, w.claims(`"j1"`, fmt.Sprintf(`"j%d"`, i+2)))
		}
		v := newWorld(b)
		i := 0
		for b.Loop() {
			if i++; i%256 == 0 {
				b.StopTimer()
				v = newWorld(b)
				b.StartTimer()
			}
			if _, err := v.verifier.Token(b.Context(), fresh[i%256]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAPIKey(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.verifier.APIKey(shopKey); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAPIKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		domain.ReadAPIKey(shopKey)
	}
}
