//go:build race

package conformance

// raced: the race detector keeps a shadow of all memory, so its size says
// nothing about the server's.
const raced = true
