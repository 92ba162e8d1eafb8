package pgdev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// farRoot holds clusters whose own place the server's account cannot reach.
var farRoot = "/var/lib/reeve-dev"

// accounts are tried in order when we are root.
var accounts = []string{"postgres", "nobody"}

// cluster is everything needed to run a server on a data directory.
type cluster struct {
	home     string              // ours: lock, password, log
	room     string              // where data is; home, or a directory in farRoot
	bin      string              // initdb and postgres
	account  *syscall.Credential // whom the server runs as; nil: as ourselves
	password string
	unsafe   bool
	log      *slog.Logger
}

func (c cluster) data() string    { return filepath.Join(c.room, "data") }
func (c cluster) logPath() string { return filepath.Join(c.home, "postgres.log") }

// homeIn makes dir/postgres and returns its real path, by which a server left
// behind is recognised.
func homeIn(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	home := filepath.Join(abs, "postgres")
	if err := passable(home); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(home)
}

// passable makes a directory of ours. Root opens it for passing through, so
// that the server's account can reach the data; every file in it is private
// by itself.
func passable(dir string) error {
	if os.Geteuid() != 0 {
		return os.MkdirAll(dir, 0o700)
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	return os.Chmod(dir, 0o711) // whatever the umask
}

// prepare finds or creates the cluster of home.
func prepare(ctx context.Context, home string, o Options) (cluster, error) {
	c := cluster{home: home, room: home, unsafe: o.Unsafe, log: o.Logger}
	if id, err := os.ReadFile(c.elsewhere()); err == nil {
		if c.room, err = far(string(id)); err != nil {
			return c, err
		}
	}
	var err error
	if c.password, err = secret(filepath.Join(home, "password")); err != nil {
		return c, err
	}
	major, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return c.settle(ctx)
	}
	if err != nil {
		return c, err
	}
	return c.reopen(strings.TrimSpace(string(major)))
}

// reopen runs an existing cluster as the account that owns its files.
func (c cluster) reopen(major string) (cluster, error) {
	var err error
	if c.bin, err = here().find(major); err != nil {
		return c, err
	}
	info, err := os.Stat(c.data())
	if err != nil {
		return c, err
	}
	owner := info.Sys().(*syscall.Stat_t)
	switch uid := uint32(os.Geteuid()); {
	case owner.Uid == uid:
	case uid == 0:
		c.account = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
	default:
		return c, fmt.Errorf("%s belongs to user %d, not to us (%d)", c.data(), owner.Uid, uid)
	}
	return c, nil
}

// settle decides where and as whom a new cluster lives, and creates it.
func (c cluster) settle(ctx context.Context) (cluster, error) {
	var err error
	if c.bin, err = Find(); err != nil {
		return c, err
	}
	if err = passable(c.room); err != nil {
		return c, err
	}
	if os.Geteuid() == 0 {
		if c.account, err = lowly(); err != nil {
			return c, err
		}
	}
	if c.account != nil && c.room == c.home && !c.reachable() {
		if c.room, err = c.moveFar(); err != nil {
			return c, fmt.Errorf("user %d cannot reach %s, so the data must be elsewhere: %w", c.account.Uid, c.home, err)
		}
	}
	return c, c.create(ctx)
}

func lowly() (*syscall.Credential, error) {
	for _, name := range accounts {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(account.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(account.Gid, 10, 32)
		if errUID == nil && errGID == nil && uid != 0 {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no account to run it as (%s): run as another user",
		strings.Join(accounts, ", "))
}

// reachable asks the kernel, which also knows access lists: can the account
// stand in the room?
func (c cluster) reachable() bool {
	return c.command(context.Background(), "postgres", "--version").Run() == nil
}

func (c cluster) elsewhere() string { return filepath.Join(c.home, "elsewhere") }

func (c cluster) moveFar() (string, error) {
	id := rand.Text()
	room, err := far(id)
	if err != nil {
		return "", err
	}
	if err := errors.Join(passable(farRoot), passable(room)); err != nil {
		return "", err
	}
	return room, writeSecret(c.elsewhere(), id)
}

var farID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// far refuses any id that rand.Text would not give: root follows it.
func far(id string) (string, error) {
	if !farID.MatchString(id) {
		return "", fmt.Errorf("damaged file elsewhere: %q is not the name of a cluster", id)
	}
	return filepath.Join(farRoot, id), nil
}
