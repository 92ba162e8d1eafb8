package pgdev

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// command is a server binary as the cluster's account, in its room, with an
// environment that does not depend on who started us.
func (c cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.Dir = c.room
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	for _, key := range []string{"PATH", "LD_LIBRARY_PATH", "TMPDIR"} {
		if value, ok := os.LookupEnv(key); ok {
			cmd.Env = append(cmd.Env, key+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.account}
	return cmd
}

func version(bin string) string {
	_, after, _ := strings.Cut(said(filepath.Join(bin, "postgres"), "--version"), ") ") // postgres (PostgreSQL) 15.14 (Debian ...)
	return digits.FindString(after)
}

// said is what a command prints that needs no time; "" if it fails.
func said(name string, args ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// process is a started command; done is closed after err is set.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// spawn starts cmd from a thread that lives as long as cmd does: the kernel
// sends the parent-death signal when the starting thread ends, not the process.
func spawn(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	return p, <-started
}

// patience per shutdown mode of PostgreSQL: fast ends the sessions and writes
// a checkpoint, immediate leaves the work to recovery, killing leaves orphans.
var patience = []struct {
	signal syscall.Signal
	wait   time.Duration
}{
	{syscall.SIGINT, 30 * time.Second},
	{syscall.SIGQUIT, 10 * time.Second},
	{syscall.SIGKILL, 5 * time.Second},
}

// halt signals with growing insistence until gone is closed.
func halt(signal func(os.Signal) error, gone <-chan struct{}) error {
	for _, step := range patience {
		if err := signal(step.signal); err != nil && !over(err) {
			return err
		}
		select {
		case <-gone:
			return nil
		case <-time.After(step.wait):
		}
	}
	return errors.New("postgres does not end, not even when killed")
}

func over(err error) bool {
	return errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH)
}
