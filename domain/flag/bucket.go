package flag

import (
	"strconv"

	"github.com/twmb/murmur3"
)

// Bucket is where in a flag's splits a subject is: at least 0 and less than
// [Whole]. It is the MurmurHash3 (x86, 32 bits, seed 0) of the flag's key, a zero
// byte, the salt, a zero byte and the subject, as UTF-8, scaled by a
// multiplication and a shift. It never changes: whoever computes the same gets the
// same, and testdata/buckets.json holds them to it.
func Bucket(k Key, salt, subject string) uint32 {
	b, _ := bucketOf(k, salt, subject)
	return uint32(b)
}

// bucketOf takes a subject as an attribute has it: a text, a number as JSON writes
// it, or true or false. It has no bucket if it is anything else.
func bucketOf(k Key, salt string, subject any) (int, bool) {
	var room [384]byte
	b := append(room[:0], k...)
	b = append(b, 0)
	b = append(b, salt...)
	b = append(b, 0)
	if s, ok := textOf(subject); ok {
		b = append(b, s...)
	} else if n, ok := numberOf(subject); ok {
		b = strconv.AppendFloat(b, n, 'f', -1, 64)
	} else if t, ok := subject.(bool); ok {
		b = strconv.AppendBool(b, t)
	} else {
		return nobody, false
	}
	return int(uint64(murmur3.Sum32(b)) * Whole >> 32), true
}
