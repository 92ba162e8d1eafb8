package logserver

import (
	"math/rand/v2"
	"os"
	"strconv"
)

// CrashRounds is how often the tests outside kill something.
var CrashRounds = crashRounds

// CrashSeed is where the moments of crashes come from: REEVE_CRASH_SEED, or chance.
func CrashSeed() uint64 {
	if seed, err := strconv.ParseUint(os.Getenv("REEVE_CRASH_SEED"), 10, 64); err == nil {
		return seed
	}
	return rand.Uint64()
}

// Heard is how many callers are heard out that are refused, and how many may be.
func Heard() (now, most int) { return len(hearing), cap(hearing) }
