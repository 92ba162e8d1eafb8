//go:build !linux

package pgdev

import "syscall"

var diesWithParent = false

// dieWithParent has no equivalent here: the next Start stops the orphan.
func dieWithParent(*syscall.SysProcAttr) {}
