package edge

import (
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// Somebody who has no end of addresses does not make us keep them all.
func TestBucketsTakeBoundedMemory(t *testing.T) {
	b, now := newBuckets[netip.Addr]("anonymous", Rate{1, 2}), time.Unix(0, 0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range uint32(10 * keptBuckets) {
		one, _ := b.bucket(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}))
		one.take(now, 1)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := b.kept.Len(); n != keptBuckets {
		t.Error(n, "are kept")
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Error(grown, "bytes")
	}
	if after := runtime.NumGoroutine(); after > 10 {
		t.Error(after, "goroutines")
	}
}

// Of IPv6 a subscriber has a whole /64, so that is what counts.
func TestAddressesAreLimitedByTheBlock(t *testing.T) {
	for given, want := range map[string]string{
		"192.0.2.7":                  "192.0.2.7",
		"::ffff:192.0.2.7":           "192.0.2.7",
		"2001:db8:1:2:3:4:5:6":       "2001:db8:1:2::",
		"2001:db8:1:2:ffff::":        "2001:db8:1:2::",
		"fe80::1%eth0":               "fe80::",
		"2001:db8:1:3::":             "2001:db8:1:3::",
		"64:ff9b::192.0.2.7":         "64:ff9b::",
		"::ffff:0:192.0.2.7":         "::",
		"2002:c000:0207:1::1":        "2002:c000:207:1::",
		"2001:db8:ffff:ffff:ffff::1": "2001:db8:ffff:ffff::",
	} {
		if got := Block(netip.MustParseAddr(given)); got.String() != want {
			t.Errorf("%s is in %s, not %s", given, got, want)
		}
	}
	if Block(netip.Addr{}).IsValid() {
		t.Error("an address came from nowhere")
	}
}

// A guess that is refused while others are under way is paid for later.
func TestDebtsAreKept(t *testing.T) {
	now := time.Unix(0, 0)
	b, _ := newBuckets[string]("x", Rate{1, 10}).bucket("a")
	for range 4 {
		b.owe(now, 5)
	}
	if n := b.lacks(now, 1); n != 11 {
		t.Error(n)
	}
	if b.take(now.Add(10*time.Second), 1) || !b.take(now.Add(11*time.Second), 1) {
		t.Error("the debt is forgotten, or not forgiven")
	}
}

func BenchmarkToll(b *testing.B) {
	all := newBuckets[string]("principal", Rate{1e9, 1e9})
	b.ReportAllocs()
	for b.Loop() {
		one, _ := all.bucket("6f9619ff-8b86-4011-b42d-00c04fc964ff")
		one.take(time.Now(), 1)
	}
}
