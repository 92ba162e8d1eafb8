package pgdev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// own takes the lock that says "this process runs the database". The kernel
// drops it with its holder, however that ends, so a lock never goes stale.
func own(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	defer f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrRunning
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// adopt stops the server of a dead owner. We hold the owner's lock, so a
// server that still runs on our data has none.
func (c cluster) adopt() error {
	file := filepath.Join(c.data(), "postmaster.pid")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 1 {
		return fmt.Errorf("%s does not begin with a process number: %q", file, line)
	}
	switch {
	case serves(pid, c.data()):
		c.log.Warn("stopping a postgres whose owner died", "pid", pid, "data", c.data())
		return stopOrphan(pid, c.data())
	case errors.Is(syscall.Kill(pid, 0), syscall.ESRCH):
		return nil // postgres cleans up after a dead one itself
	}
	// A stranger was given the number. Postgres would take it for a live server.
	return os.Remove(file)
}

func stopOrphan(pid int, data string) error {
	gone, stop := make(chan struct{}), make(chan struct{})
	defer close(stop)
	go func() {
		defer close(gone)
		for serves(pid, data) {
			select {
			case <-stop:
				return
			case <-time.After(pollEvery):
			}
		}
	}()
	signal := func(s os.Signal) error { return syscall.Kill(pid, s.(syscall.Signal)) }
	if err := halt(signal, gone); err != nil {
		return fmt.Errorf("stop orphan %d on %s: %w", pid, data, err)
	}
	return nil
}

// serves reports whether pid is a live postgres on our data, not a stranger
// that was given the same number, nor a zombie.
func serves(pid int, data string) bool {
	line := commandLine(pid) + " "
	at := strings.Index(line, " -D "+data+" ")
	return at > 0 && filepath.Base(line[:at]) == "postgres"
}

// commandLine is the words of a process joined by spaces; "" when it is gone.
func commandLine(pid int) string {
	if _, err := os.Stat("/proc/self/cmdline"); err == nil {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return strings.ReplaceAll(strings.TrimRight(string(text), "\x00"), "\x00", " ")
	}
	return strings.TrimSpace(said("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)))
}
