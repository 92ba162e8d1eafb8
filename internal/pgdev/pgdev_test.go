package pgdev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const childDir, childAlone = "PGDEV_TEST_CHILD_DIR", "PGDEV_TEST_CHILD_ALONE"

// TestMain lets the test binary be a second owner that can be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

func child(dir string) {
	diesWithParent = diesWithParent && os.Getenv(childAlone) == ""
	s, err := Start(context.Background(), Options{Dir: dir, Unsafe: true})
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println(s.URL())
	select {}
}

func start(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(t.Context(), Options{Dir: dir, Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

// ask runs one statement that returns one text.
func ask(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var answer string
	if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

// leaveWord commits something that has to be there later.
func leaveWord(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "create table kept as select 'hello' as word"); err != nil {
		t.Fatal(err)
	}
}

// openDir is a directory that every account can reach; t.TempDir is closed.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgdev-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20s: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestDataSurvivesARestart(t *testing.T) {
	dir := openDir(t)
	s := start(t, dir)
	leaveWord(t, s.URL())
	stop(t, s)
	stop(t, s)

	s = start(t, dir)
	if got := ask(t, s.URL(), "select word from kept"); got != "hello" {
		t.Errorf("word = %q", got)
	}
}

func TestClusterIsMadeAsPromised(t *testing.T) {
	dir := openDir(t)
	s, err := Start(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for setting, want := range map[string]string{
		"data_checksums": "on", "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
		"server_encoding": "UTF8", "max_connections": "100", "listen_addresses": "127.0.0.1",
		"password_encryption": "scram-sha-256",
	} {
		if got := ask(t, s.URL(), "show "+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	if got := ask(t, s.URL(), "select datcollate from pg_database where datname = 'reeve'"); got != "C" {
		t.Errorf("collation = %q", got)
	}
	if info, err := os.Stat(filepath.Join(dir, "postgres", "password")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("password: %v, %v", info, err)
	}
	if _, err := pgx.Connect(t.Context(), s.URL()+"&password=wrong"); err == nil {
		t.Error("a wrong password was accepted")
	}
}

func TestDeathIsSeenAndRecoveredFrom(t *testing.T) {
	dir := openDir(t)
	s := start(t, dir)
	leaveWord(t, s.URL())
	if err := s.process.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Exited():
	case <-time.After(20 * time.Second):
		t.Fatal("nobody noticed")
	}
	stop(t, s)

	s = start(t, dir)
	if got := ask(t, s.URL(), "select word from kept"); got != "hello" {
		t.Errorf("word = %q", got)
	}
}

func TestStopIsNotADeath(t *testing.T) {
	s := start(t, openDir(t))
	stop(t, s)
	<-s.process.done
	select {
	case <-s.Exited():
		t.Error("Exited is closed after Stop")
	default:
	}
}

func TestSecondOwnerIsRefused(t *testing.T) {
	dir := openDir(t)
	s := start(t, dir)
	if _, err := Start(t.Context(), Options{Dir: dir, Unsafe: true}); !errors.Is(err, ErrRunning) {
		t.Errorf("err = %v, want ErrRunning", err)
	}
	ask(t, s.URL(), "select 'still here'")
}

// killOwner starts a server in a child process, kills that with no chance to
// clean up, and returns the server's process number.
func killOwner(t *testing.T, dir string, env ...string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, childDir+"="+dir)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	die := sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // "signal: killed"
	})
	t.Cleanup(die)
	var url string
	if _, err := fmt.Fscanln(out, &url); err != nil || !strings.HasPrefix(url, "postgres://") {
		t.Fatalf("child: %q %v", url, err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrRunning) {
		t.Errorf("beside a live owner: err = %v, want ErrRunning", err)
	}
	leaveWord(t, url)
	die()
	return orphan(dir)
}

// orphan is the process number in the data directory, 0 when there is none.
func orphan(dir string) int {
	var pid int
	text, _ := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	fmt.Sscan(string(text), &pid)
	return pid
}

func TestOrphanIsStoppedAndItsDataKept(t *testing.T) {
	dir := openDir(t)
	pid := killOwner(t, dir, childAlone+"=1")
	if data := filepath.Join(dir, "postgres", "data"); !serves(pid, data) {
		t.Fatalf("process %d does not serve %s", pid, data)
	}
	s := start(t, dir)
	if got := ask(t, s.URL(), "select word from kept"); got != "hello" {
		t.Errorf("word = %q", got)
	}
	if serves(pid, s.DataDir()) {
		t.Error("the orphan still runs")
	}
}

func TestKernelStopsTheOrphan(t *testing.T) {
	if !diesWithParent {
		return // only Linux offers it
	}
	dir := openDir(t)
	killOwner(t, dir)
	eventually(t, "postgres ends after its owner", func() bool { return orphan(dir) == 0 })
}

func TestStrangerWithTheOldNumberIsLeftAlone(t *testing.T) {
	dir := openDir(t)
	s := start(t, dir)
	stop(t, s)
	stranger := exec.Command("sleep", "60")
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: s.cluster.account}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer stranger.Wait()
	defer stranger.Process.Kill()
	stale := filepath.Join(s.DataDir(), "postmaster.pid")
	if err := os.WriteFile(stale, fmt.Appendf(nil, "%d\n%s\n", stranger.Process.Pid, s.DataDir()), 0o600); err != nil {
		t.Fatal(err)
	}
	ask(t, start(t, dir).URL(), "select 'up'")
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("stranger: %v", err)
	}
}

// A closed parent directory matters to root only: everybody else runs the
// server under their own account, in place.
func TestClosedParentDirectory(t *testing.T) {
	was := farRoot
	farRoot = filepath.Join(openDir(t), "far")
	t.Cleanup(func() { farRoot = was })
	dir := openDir(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, dir)
	place := s.DataDir()
	if far := strings.HasPrefix(place, farRoot); far != (os.Geteuid() == 0) {
		t.Errorf("data is in %s", place)
	}
	leaveWord(t, s.URL())
	stop(t, s)
	s = start(t, dir)
	if s.DataDir() != place {
		t.Errorf("data moved from %s to %s", place, s.DataDir())
	}
	ask(t, s.URL(), "select word from kept")
}

func TestServerDoesNotRunAsRoot(t *testing.T) {
	s := start(t, openDir(t))
	info, err := os.Stat(s.DataDir())
	if err != nil {
		t.Fatal(err)
	}
	if info.Sys().(*syscall.Stat_t).Uid == 0 {
		t.Error("the data belongs to root")
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	dir := openDir(t)
	stop(t, start(t, dir))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Start(ctx, Options{Dir: dir}); err == nil {
		s.Stop()
		t.Fatal("started in spite of an ended context")
	}
	start(t, dir)
}
