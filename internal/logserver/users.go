package logserver

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/crypto/bcrypt"
)

// costLimit keeps one entry of the users file from taking minutes to compare.
const costLimit = 16

// bcryptHash is stricter than the library, which passes over what follows.
var bcryptHash = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// usersBytes is more than any sensible users file has.
const usersBytes = 4 << 20

// A User is one line of a users file: an entry of Apache's htpasswd with a
// bcrypt hash, and, behind a further colon, the groups it is in.
//
//	alice:$2y$10$Xh3…:$admins
//	backup:$2y$10$9qP…:$ops,readers
//	shop:$2y$10$vT1…
type User struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups,omitempty"`
	hash   string
}

// Groups with a meaning of their own. Members of the first may do everything,
// those of the second manage persistent subscriptions and read statistics.
const (
	groupAdmins = "$admins"
	groupOps    = "$ops"
)

// ReadUsers reads a users file, sorted by name. A missing one is an error that
// is fs.ErrNotExist; one with a line that cannot be read is refused whole. No
// error repeats what the file says.
func ReadUsers(path string) ([]User, error) {
	text, err := readBounded(path, usersBytes)
	if err != nil {
		return nil, err
	}
	return parseUsers(text)
}

func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, limit)
	}
	return os.ReadFile(path)
}

func parseUsers(text []byte) ([]User, error) {
	all, taken := []User{}, map[string]bool{}
	for i, line := range bytes.Split(text, []byte("\n")) {
		entry := strings.TrimSpace(string(line))
		if entry == "" || entry[0] == '#' {
			continue
		}
		u, err := parseUser(entry)
		if err == nil && taken[u.Name] {
			err = errors.New("the name is there twice")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		taken[u.Name] = true
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b User) int { return cmp.Compare(a.Name, b.Name) })
	return all, unambiguous(all, taken)
}

func parseUser(entry string) (User, error) {
	name, rest, _ := strings.Cut(entry, ":")
	hash, groups, _ := strings.Cut(rest, ":")
	u := User{Name: name, hash: hash}
	if groups != "" {
		u.Groups = strings.Split(groups, ",")
	}
	if err := u.check(); err != nil {
		return User{}, err
	}
	if cost, err := bcrypt.Cost([]byte(hash)); err != nil || cost > costLimit || !bcryptHash.MatchString(hash) {
		return User{}, fmt.Errorf("the password is not hashed with bcrypt at a cost of at most %d (htpasswd -B)", costLimit)
	}
	return u, nil
}

// check refuses names that a line of the file or an ACL could misread. Those
// that begin with a dollar sign are the server's own.
func (u User) check() error {
	if !plainName(u.Name) || u.Name[0] == '$' {
		return errors.New("a user's name is empty, begins with $ or #, or has a colon, a comma or a space")
	}
	for _, g := range u.Groups {
		if !plainName(g) || g[0] == '$' && g != groupAdmins && g != groupOps {
			return fmt.Errorf("a group's name is empty, has a colon, a comma or a space, or begins with $ and is neither %s nor %s", groupAdmins, groupOps)
		}
	}
	return nil
}

func plainName(name string) bool {
	return name != "" && len(name) <= 256 && name[0] != '#' && !strings.ContainsFunc(name, func(r rune) bool {
		return r == ':' || r == ',' || r == unicode.ReplacementChar || unicode.IsSpace(r) || unicode.IsControl(r)
	})
}

// unambiguous: an ACL names users and groups alike, so no group may be called
// like somebody else.
func unambiguous(all []User, names map[string]bool) error {
	for _, u := range all {
		for _, g := range u.Groups {
			if names[g] {
				return errors.New("a group has the name of a user")
			}
		}
	}
	return nil
}

// in says whether the user belongs to a group.
func (u User) in(group string) bool { return slices.Contains(u.Groups, group) }
