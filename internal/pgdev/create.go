package pgdev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	owner    = "reeve" // superuser of the cluster
	database = "reeve"
)

// create makes the cluster beside its place and renames it there, so that a
// data directory is whole or absent.
func (c cluster) create(ctx context.Context) error {
	c.log.Info("creating a postgres cluster", "data", c.data())
	fresh := c.data() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := c.initdb(ctx, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, c.data()); err != nil {
		return err
	}
	return syncDir(c.room)
}

func (c cluster) initdb(ctx context.Context, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	password := filepath.Join(c.room, "initdb.password")
	defer func() { _ = os.Remove(password) }()
	if err := writeSecret(password, c.password); err != nil {
		return err
	}
	if err := errors.Join(c.give(dir), c.give(password)); err != nil {
		return err
	}
	args := []string{
		"--pgdata=" + dir, "--username=" + owner, "--pwfile=" + password,
		"--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8", "--locale=C",
	}
	if c.unsafe {
		args = append(args, "--no-sync")
	}
	if out, err := c.command(ctx, "initdb", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// give makes path the property of the server's account.
func (c cluster) give(path string) error {
	if c.account == nil {
		return nil
	}
	return os.Lchown(path, int(c.account.Uid), int(c.account.Gid))
}

// secret reads the password at path, or makes one up and keeps it there.
func secret(path string) (string, error) {
	kept, err := os.ReadFile(path)
	if err == nil && len(kept) > 0 {
		return string(kept), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	made := rand.Text()
	return made, writeSecret(path, made)
}

// writeSecret replaces the file at path: whole or not at all, for us alone.
func writeSecret(path, text string) error {
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.WriteString(text)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
