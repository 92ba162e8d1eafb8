package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/reeve-platform/reeve/"

// A rule says what packages below a prefix may import of this module, and which
// foreign modules they must keep away from. The longest prefix counts.
type rule struct {
	prefix string
	may    []string // prefixes of packages of this module
	never  []string // prefixes of foreign packages
}

var (
	network = []string{"net/http", "google.golang.org/grpc", "github.com/go-chi/", "github.com/jackc/", "github.com/EventStore/"}
	clock   = []string{"math/rand", "os", "database/sql"}
)

// house is the floor plan: who may know whom.
var house = []rule{
	{"domain", []string{"domain"}, append(append([]string{"github.com/", "golang.org/", "google.golang.org/", "gopkg.in/"}, network...), clock...)},
	{"domain/flag", []string{"domain", "domain/cascade"}, clock},
	{"domain/events", []string{"domain"}, clock},
	{"internal/logserver", []string{"internal/logserver", "internal/renewal"}, []string{"github.com/jackc/", "github.com/go-chi/"}},
	{"internal/renewal", nil, nil},
	{"internal/pgdev", []string{"internal/pgdev"}, nil},
	{"internal/normal", []string{"domain"}, network},
	{"internal/live", []string{"domain"}, append([]string{"database/sql"}, network...)},
	{"internal/estate", []string{"domain", "internal/edge"}, network},
	{"internal/estate/foreign", []string{"domain", "internal/edge", "internal/estate"}, network},
	{"internal/auth", []string{"domain", "internal/auth", "internal/edge"}, []string{"github.com/jackc/", "github.com/EventStore/"}},
	{"internal/edge", []string{"domain", "internal/edge"}, []string{"github.com/jackc/", "github.com/EventStore/"}},
	{"internal/edge/graph/exec", []string{"domain", "internal/edge", "projections", "readapi"}, []string{"github.com/EventStore/"}},
	{"eventstore", []string{"domain"}, []string{"github.com/jackc/", "github.com/go-chi/"}},
	{"migrations", nil, nil},
	{"commands", []string{"domain", "internal/edge", "internal/normal"}, []string{"github.com/jackc/", "github.com/EventStore/", "github.com/go-chi/"}},
	{"projections", []string{"domain", "migrations"}, []string{"github.com/EventStore/", "github.com/go-chi/"}},
	{"readapi", []string{"domain", "projections", "internal/edge"}, []string{"github.com/EventStore/"}},
}

type listed struct {
	ImportPath string
	Imports    []string
}

// Every import of a package that is part of the product goes the way the house
// allows. Test support may look anywhere.
func TestImportsFollowTheHouse(t *testing.T) {
	for _, p := range packages(t) {
		name, ours := strings.CutPrefix(p.ImportPath, module)
		r, ruled := ruleOf(name)
		if !ours || !ruled || strings.HasSuffix(name, "test") {
			continue
		}
		for _, imported := range p.Imports {
			if why := r.refuses(name, imported); why != "" {
				t.Errorf("%s imports %s: %s", name, imported, why)
			}
		}
	}
}

// unruled are the packages that may look anywhere.
var unruled = []string{"cmd/reeve", "internal/bench", "internal/testkit"}

// A new package gets its place in the house before it gets its doors.
func TestEveryPackageHasItsPlace(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if _, ruled := ruleOf(name); !ruled && !slices.Contains(unruled, name) && !strings.HasSuffix(name, "test") {
			t.Errorf("nothing says what %s may import: give it a rule in house, and in .golangci.yml", name)
		}
	}
}

func ruleOf(name string) (best rule, found bool) {
	for _, r := range house {
		if (name == r.prefix || strings.HasPrefix(name, r.prefix+"/")) && len(r.prefix) >= len(best.prefix) {
			best, found = r, true
		}
	}
	return best, found
}

func (r rule) refuses(name, imported string) string {
	if ours, ok := strings.CutPrefix(imported, module); ok {
		return r.refusesOurs(name, ours)
	}
	for _, n := range r.never {
		if (imported == n || strings.HasPrefix(imported, n)) && imported != "github.com/google/uuid" {
			return "it must not know " + n
		}
	}
	return ""
}

// refusesOurs lets a noun know the shapes in domain, but no other noun.
func (r rule) refusesOurs(name, ours string) string {
	noun := strings.HasPrefix(name, "domain/") && strings.HasPrefix(ours, "domain/") && name != "domain/events"
	switch {
	case strings.HasPrefix(ours, name+"/"), ours == name:
		return ""
	case noun && !slices.Contains(r.may, ours):
		return "a noun does not know another noun"
	case slices.ContainsFunc(r.may, func(m string) bool { return ours == m || strings.HasPrefix(ours, m+"/") }):
		return ""
	}
	return "the house has no door there"
}

func packages(t *testing.T) (all []listed) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
