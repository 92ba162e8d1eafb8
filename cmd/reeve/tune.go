package main

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/google/uuid"
)

const (
	// syncing is how many more processors Go is given beside an embedded log: one
	// that waits for the disk in a sync is idle until the runtime takes it back.
	syncing = 2
	// garbage is how many per cent the heap may grow before it is collected, for a
	// server and for the log alone, which has less to lose by it. Both hold little and
	// allocate much, so the usual 100 collects all the time.
	garbage       = 800
	garbageForLog = 400
	// enough is the memory in bytes beyond which collecting often is the smaller
	// evil, for a server and for the log alone.
	enough       = 512 << 20
	enoughForLog = 256 << 20
)

// tune sets the runtime up for a server, unless the environment says otherwise.
func tune(embedded bool, garbage int, enough int64) {
	uuid.EnableRandPool() // several ids for each request, and one call to the kernel for many of them
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(enough)
	}
	if embedded && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.NumCPU() + syncing)
	}
}
