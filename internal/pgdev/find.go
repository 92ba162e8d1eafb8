package pgdev

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrMissing says that this machine has no PostgreSQL server; its text says
// what to install.
var ErrMissing = errors.New(`PostgreSQL server binaries (initdb, postgres) not found in PATH or in the usual places.
Run scripts/ensure-postgres.sh, or install them yourself:
  Debian, Ubuntu   apt-get install postgresql
  Fedora, RHEL     dnf install postgresql-server
  Alpine           apk add postgresql
  Arch             pacman -S postgresql
  openSUSE         zypper install postgresql-server
  macOS            brew install postgresql@17`)

// search is where to look: a PATH, then patterns of versioned directories.
type search struct {
	path     string
	patterns []string
}

// distributions keep server binaries of several major versions side by side,
// outside PATH.
var distributions = []string{
	"/usr/lib/postgresql/*/bin",  // Debian
	"/usr/pgsql-*/bin",           // Fedora, RHEL
	"/usr/lib/postgresql*/bin",   // openSUSE
	"/usr/lib64/postgresql*/bin", // Gentoo
	"/usr/libexec/postgresql*",   // Alpine
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/Library/PostgreSQL/*/bin",
}

func here() search { return search{path: os.Getenv("PATH"), patterns: distributions} }

// Find returns the directory of initdb and postgres: from PATH, else the
// newest of the distribution's versioned directories. The error is ErrMissing.
func Find() (binDir string, err error) { return here().find("") }

// find returns the first directory of the wanted major version; "" is any.
func (s search) find(major string) (string, error) {
	found := s.all()
	for _, dir := range found {
		if major == "" || version(dir) == major {
			return dir, nil
		}
	}
	if len(found) == 0 {
		return "", ErrMissing
	}
	return "", fmt.Errorf("the data was written by PostgreSQL %s, and only other versions are installed (%s): install PostgreSQL %s, or remove the data",
		major, strings.Join(found, ", "), major)
}

func (s search) all() []string {
	dirs := filepath.SplitList(s.path)
	for _, pattern := range s.patterns {
		matches, _ := filepath.Glob(pattern) // the only error is a malformed pattern
		slices.SortFunc(matches, newestFirst)
		dirs = append(dirs, matches...)
	}
	var found []string
	for _, dir := range dirs {
		if home, ok := serverIn(dir); ok && !slices.Contains(found, home) {
			found = append(found, home)
		}
	}
	return found
}

// serverIn follows links: initdb expects its postgres beside its real file.
func serverIn(dir string) (string, bool) {
	initdb, err := filepath.EvalSymlinks(filepath.Join(dir, "initdb"))
	if err != nil {
		return "", false
	}
	home := filepath.Dir(initdb)
	return home, executable(initdb) && executable(filepath.Join(home, "postgres"))
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

var digits = regexp.MustCompile(`\d+`)

func newestFirst(a, b string) int { return cmp.Compare(number(b), number(a)) }

func number(dir string) int {
	n, _ := strconv.Atoi(digits.FindString(dir)) // unversioned directories come last
	return n
}
