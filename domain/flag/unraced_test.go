//go:build !race

package flag

const raced = false
