package logserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// passwordLimit is where bcrypt stops looking.
const passwordLimit = 72

// ErrNoUser: the users file does not name this user.
var ErrNoUser = errors.New("logserver: no such user")

// SetUser adds a user to a file, which may not exist yet, or gives one a new
// password. Groups are replaced unless nil. Comments in the file are kept.
func SetUser(path, name string, password []byte, groups []string) error {
	if len(password) == 0 || len(password) > passwordLimit {
		return fmt.Errorf("a password has 1 to %d bytes", passwordLimit)
	}
	hash, err := bcrypt.GenerateFromPassword(password, bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	u := User{Name: name, Groups: groups, hash: string(hash)}
	if err := u.check(); err != nil {
		return err
	}
	return editUsers(path, name, func(old *User) (string, error) {
		if groups == nil && old != nil {
			u.Groups = old.Groups
		}
		return u.line(), nil
	})
}

// RemoveUser takes a user out of a file. It fails with ErrNoUser.
func RemoveUser(path, name string) error {
	return editUsers(path, name, func(old *User) (string, error) {
		if old == nil {
			return "", ErrNoUser
		}
		return "", nil
	})
}

func (u User) line() string {
	if len(u.Groups) == 0 {
		return u.Name + ":" + u.hash
	}
	return u.Name + ":" + u.hash + ":" + strings.Join(u.Groups, ",")
}

// editUsers replaces one user's line by another, or by none, and the file at
// once: a server that reads meanwhile sees the old or the new one.
func editUsers(path, name string, edit func(old *User) (string, error)) error {
	text, err := readBounded(path, usersBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	all, err := parseUsers(text)
	if err != nil {
		return err
	}
	var old *User
	if i := slices.IndexFunc(all, func(u User) bool { return u.Name == name }); i >= 0 {
		old = &all[i]
	}
	line, err := edit(old)
	if err != nil {
		return err
	}
	changed := replaceLine(string(text), name, line)
	if _, err := parseUsers([]byte(changed)); err != nil {
		return err
	}
	return replaceFile(path, []byte(changed))
}

// replaceLine keeps the order of the file; a new user comes last.
func replaceLine(text, name, line string) string {
	var kept []string
	found := false
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		if strings.HasPrefix(strings.TrimSpace(l), name+":") {
			found = true
			if l = line; l == "" {
				continue
			}
		}
		kept = append(kept, l)
	}
	if !found {
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n") + "\n"
}

// replaceFile writes beside the file and renames. Only its owner may read it.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".users-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
