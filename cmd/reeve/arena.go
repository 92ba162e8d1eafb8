//go:build cgo && linux

package main

// The storage engine holds its blocks outside of Go's heap where there is a C library.
// With a heap for each thread, what one has freed is not there for another, and the log
// of the same data takes 70 MiB more. So the library is told to have one heap, before
// there are threads; see mallopt(3).

/*
#include <malloc.h>

__attribute__((constructor)) static void one_heap(void) {
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
}
*/
import "C"
