//go:build race

package flag

// raced: the race detector allocates, so what is allocated says nothing about us.
const raced = true
