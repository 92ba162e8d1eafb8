package pgdev

import "syscall"

// diesWithParent is off in the test of what happens without the kernel's help.
var diesWithParent = true

// dieWithParent lets the kernel ask for a fast shutdown when we die.
func dieWithParent(attr *syscall.SysProcAttr) {
	if diesWithParent {
		attr.Pdeathsig = syscall.SIGINT
	}
}
