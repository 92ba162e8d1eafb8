package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a child that dies with us at the latest.
type process struct {
	cmd  *exec.Cmd
	said *bytes.Buffer
	gone chan struct{} // closed when it has ended
}

// spawn starts a program with settings added to our environment.
func spawn(env []string, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), said: &bytes.Buffer{}, gone: make(chan struct{})} //nolint:noctx // it is stopped by stop
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.gone) }()
	return p, nil
}

// stop asks it to end, and makes it end.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

// until asks again and again, for a minute, until the answer is yes or the
// process has ended.
func (p *process) until(ready func() bool) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if ready() {
			return nil
		}
		select {
		case <-p.gone:
			return fmt.Errorf("%s ended before it was ready: %s", p.cmd.Path, p.said)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s is not ready after a minute", p.cmd.Path)
}

// cpu is how much CPU time the process has used.
func (p *process) cpu() time.Duration { return cpuOf(p.cmd.Process.Pid) }

// cpuOf is how much CPU time a process has used, children that it has seen end
// included; see proc(5) stat.
func cpuOf(pid int) (used time.Duration) {
	const tick = 10 * time.Millisecond // of USER_HZ, which is 100 wherever Linux runs
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 15 {
		return 0
	}
	for _, f := range fields[11:15] {
		n, _ := strconv.Atoi(f)
		used += time.Duration(n) * tick
	}
	return used
}

// cpuBelow is cpuOf a process and all its children.
func cpuBelow(pid int) time.Duration {
	used := cpuOf(pid)
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, c := range strings.Fields(string(children)) {
		n, _ := strconv.Atoi(c)
		used += cpuOf(n)
	}
	return used
}

// forgetPeak begins the search for the most memory in use anew; see proc(5)
// clear_refs.
func (p *process) forgetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

// peak is the most memory in use since the start, or since forgetPeak, in MiB.
func (p *process) peak() int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.Atoi(fields[0])
	return kib / 1024
}
