//go:build !planted

package logserver

// planted is true for a bug that has been switched on, which happens only in a
// build with the tag "planted": there the tests must notice each of them. In any
// other build it is a constant, and nothing of the bugs is left.
func planted(string) bool { return false }

// point is a place where the process can be made to die, in such a build only.
func point(string) {}
