//go:build !race

package projections_test

// raced tells whether the race detector is watching.
const raced = false
