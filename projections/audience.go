package projections

import (
	"fmt"
	"slices"
	"strings"
)

// An Audience says who sees the rows of a table. It becomes row-level security:
// no query has to remember it. The zero Audience is the operators of the
// platform, so that a table that says nothing shows nothing to tenants.
type Audience struct {
	sort audience
	own  string // column that names the node a row belongs to
	over string // column that names the node above that one, if the table has it
}

type audience int

const (
	operators audience = iota
	anybody
	owners
	heirs
	ofTree
)

var (
	// Anybody may see all rows of the table, once it is known who asks.
	Anybody = Audience{sort: anybody}
	// Owners see the rows of the nodes in their scope and below.
	Owners = Audience{sort: owners, own: "owner"}
	// Heirs see those, and the rows of the nodes above theirs: what decides over
	// them.
	Heirs = Audience{sort: heirs, own: "owner"}
)

// By names the column that tells the owner of a row, where an index makes it
// better than owner. Both must agree.
func (a Audience) By(column string) Audience {
	a.own = column
	return a
}

// Under names the column that tells the node above the owner.
func (a Audience) Under(column string) Audience {
	a.over = column
	return a
}

// The setting reeve.scope is the paths that a reader is confined to, with commas
// between them. It is local to one transaction; before that it is null, and
// afterwards an empty text: either way nothing is in scope. Each of these is a
// subquery of its own, which PostgreSQL computes once for a statement and not for
// each row.
const (
	scopeSetting = `current_setting('reeve.scope', true)`
	scopePaths   = `string_to_array(` + scopeSetting + `, ',')`

	scopeIsAll  = `(select 'platform' = any(` + scopePaths + `))`
	scopeIsSet  = `(select ` + scopeSetting + ` <> '')`
	scopeHeads  = `(select array(select split_part(p, '/', -1) from unnest(` + scopePaths + `) p))::text[]`
	scopeLines  = `(select array(select unnest(string_to_array(p, '/')) from unnest(` + scopePaths + `) p))::text[]`
	scopeLine   = `(select string_to_array(` + scopeSetting + `, '/'))::text[]`
	scopeSingle = `nullif(split_part(` + scopeSetting + `, '/', -1), '')`
)

// scopeOne is the only node of a scope, as a value of a type.
func scopeOne(typ string) string {
	if typ == "text" {
		return "(select " + scopeSingle + ")"
	}
	return fmt.Sprintf(`(select %s::%s)`, scopeSingle, typ)
}

// readers are the roles that may read. All of them obey the same setting; each
// but the first only shows what the first one shows, in words that the planner
// finds an index for when the scope is a single node of one level. Which role
// fits is for the reader to say; the wrong one shows too little, never too much.
var readers = []string{"reeve_query", "reeve_query_platform", "reeve_query_integrator", "reeve_query_tenant"}

// sees is the condition under which a reader's role sees a row.
func (a Audience) sees(role string, d Description) string {
	switch {
	case role == "reeve_query_platform":
		return `(select ` + scopeSetting + ` = 'platform')`
	case a.sort == operators:
		return scopeIsAll
	case a.sort == anybody:
		return scopeIsSet
	case role == "reeve_query_integrator":
		return a.fromIntegrator(d)
	case role == "reeve_query_tenant":
		return a.fromTenant(d)
	}
	return a.fromAnywhere()
}

func (a Audience) fromAnywhere() string {
	if a.sort == ofTree {
		return fmt.Sprintf(`%s or string_to_array(path, '/') && %s or id = any(%s)`, scopeIsAll, scopeHeads, scopeLines)
	}
	below := fmt.Sprintf(`%s or owner = any(%s) or exists (select from readmodel.tree n where n.id = owner and string_to_array(n.path, '/') && %[2]s)`, scopeIsAll, scopeHeads)
	if a.sort == heirs {
		return below + fmt.Sprintf(` or owner = any(%s)`, scopeLines)
	}
	return below
}

func (a Audience) fromIntegrator(d Description) string {
	switch {
	case a.sort == ofTree:
		return fmt.Sprintf(`parent = %s or id = any(%s)`, scopeOne("text"), scopeLine)
	case a.over != "":
		return fmt.Sprintf(`%s = %s`, a.over, scopeOne(d.typeOf(a.over)))
	}
	below := fmt.Sprintf(`exists (select from readmodel.tree n where n.id = owner and n.parent = %s)`, scopeOne("text"))
	if a.sort == heirs {
		return fmt.Sprintf(`owner = any(%s) or %s`, scopeLine, below)
	}
	return fmt.Sprintf(`owner = %s or %s`, scopeOne("text"), below)
}

func (a Audience) fromTenant(d Description) string {
	switch a.sort {
	case ofTree:
		return fmt.Sprintf(`id = any(%s)`, scopeLine)
	case heirs:
		return fmt.Sprintf(`%s = any(%s)`, a.own, scopeLine)
	}
	return fmt.Sprintf(`%s = %s`, a.own, scopeOne(d.typeOf(a.own)))
}

// checkAudience panics on a table that belongs to nodes and does not say so, or
// that names columns it does not have.
func (d Description) checkAudience() {
	if d.Audience.sort == operators && slices.ContainsFunc(d.Columns, func(c Column) bool { return c.Name == "owner" }) {
		panic(fmt.Sprintf("projection %s: its rows have owners, and it does not say who may see them", d.Name))
	}
	if d.Audience.sort == owners || d.Audience.sort == heirs {
		d.typeOf("owner")
	}
	_ = d.policies(d.Name)
}

func (d Description) typeOf(column string) string {
	i := slices.IndexFunc(d.Columns, func(c Column) bool { return c.Name == column })
	if i < 0 {
		panic(fmt.Sprintf("projection %s: its audience names the column %q, which it does not have", d.Name, column))
	}
	return d.Columns[i].Type
}

// policies is the DDL that lets everybody see what is theirs and nobody more.
// Forced, it holds for the owner of the table too.
func (d Description) policies(table string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "alter table %s enable row level security; alter table %[1]s force row level security;", table)
	fmt.Fprintf(&s, "drop policy if exists projector on %s; create policy projector on %[1]s to reeve_projector using (true) with check (true);", table)
	for _, role := range readers {
		fmt.Fprintf(&s, "drop policy if exists %s on %s; create policy %[1]s on %[2]s for select to %[1]s using (%[3]s);", role, table, d.Audience.sees(role, d))
	}
	fmt.Fprintf(&s, "grant select on %s to %s;", table, strings.Join(readers, ", "))
	return s.String()
}

func list(names []string) string { return strings.Join(names, ", ") }
