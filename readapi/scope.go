package readapi

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// A View is who looks at what: every statement is confined to its scope, and
// leaves a record of it.
type View struct {
	Name   string       // of the question, for the record
	Scope  domain.Scope // what may be seen; nothing unless set
	Least  uint64       // position the tables must have read up to
	Tables []string     // the read models looked at
	Trace  string       // request that it is part of
	Across bool         // nothing is answered before its record is durable
	past   moment       // as of which the tables are looked at; now unless set
}

// ErrUnscoped: a statement on tables that belong to tenants came without saying
// for whom. It never reaches the database.
var ErrUnscoped = &domain.Error{Kind: domain.Internal, Code: "unscoped-read", Detail: "a statement on tables of tenants came without a scope"}

// within is the scope of the program itself, which asks for a reason of its own.
func within(reason string) domain.Scope {
	return domain.Scope{Actor: domain.Actor{ID: "reeve", Type: "system"}, Paths: []string{string(domain.PlatformID)}, Reason: reason}
}

// confinement is a scope as the database takes it. Role is the one whose
// policies have the best plans for such a scope; all of them show the same rows.
type confinement struct{ setting, role string }

func confine(s domain.Scope) confinement {
	paths := slices.DeleteFunc(slices.Clone(s.Paths), func(p string) bool { return strings.Contains(p, ",") }) // no path of ours
	if s.All() {
		return confinement{string(domain.PlatformID), "reeve_query_platform"}
	}
	c := confinement{strings.Join(paths, ","), anyRole}
	if len(paths) != 1 {
		return c
	}
	switch strings.Count(paths[0], "/") {
	case 1:
		c.role = "reeve_query_integrator"
	case 2:
		c.role = "reeve_query_tenant"
	}
	return c
}

// anyRole reads within any scope, the others within one of a kind, by policies that
// are cheaper to hold.
const anyRole = "reeve_query"

var roles = []string{anyRole, "reeve_query_platform", "reeve_query_integrator", "reeve_query_tenant"}

var mention = regexp.MustCompile(`\b(?:readmodel|reeve)\.([a-z][a-z0-9_]*)`)

var mentions sync.Map // of []string, by statement

// tablesIn are the tables that a statement names and that policies guard.
func tablesIn(sql string) []string {
	if known, ok := mentions.Load(sql); ok {
		return known.([]string)
	}
	var names []string
	for _, m := range mention.FindAllStringSubmatch(sql, -1) {
		if m[1] != "cursors" && !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	mentions.Store(sql, names)
	return names
}

// permits refuses a statement that would look at tenants for nobody.
func (v View) permits(sql string) ([]string, error) {
	tables := tablesIn(sql)
	if len(tables) > 0 && len(v.Scope.Paths) == 0 {
		return nil, ErrUnscoped.With("question " + v.Name + ": " + strings.Join(tables, ", "))
	}
	return tables, nil
}

// begin is how a confined statement starts.
var begin = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
