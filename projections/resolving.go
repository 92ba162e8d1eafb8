package projections

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// resolving is one derivation of resolved flags. It reads and writes in batches
// of nodes, so that neither the size of the tree nor of a change matters to how
// much memory it takes; what the levels above the tenants say is held throughout.
type resolving struct {
	ctx   context.Context
	tx    pgx.Tx
	names Names
	whole bool // the table is empty, and everything is to be resolved

	flags []Flag                // that are to be resolved
	known map[flag.Key]Flag     // those, and what they depend on
	upper map[string]flag.Layer // by node and flag

	audiences map[flag.SegmentKey]*flag.Audience // that layers in hand name
}

// batchPairs is how many pairs of node and flag are resolved at a time.
const batchPairs = 8192

func (r *resolving) resolve(roots, keys []string) error {
	if !r.whole && len(roots) == 0 {
		return nil
	}
	spots, err := r.spots(roots, keys)
	if err != nil || len(spots) == 0 {
		return err
	}
	if err := r.prepare(spots); err != nil {
		return err
	}
	for batch := range slices.Chunk(spots, max(1, batchPairs/max(1, len(r.flags)))) {
		if err := r.settle(batch); err != nil {
			return err
		}
	}
	return nil
}

const spotColumns = `n.id, n.level, n.parent, n.standing, n.standing_by as by, coalesce(p.standing, '') as above, coalesce(p.standing_by, '{}') as above_by`

// spots finds the nodes to resolve at: the roots and what hangs under them.
func (r *resolving) spots(roots, keys []string) ([]spot, error) {
	nodes := r.names("nodes")
	parents := fmt.Sprintf("left join %s p on p.id = n.parent and p.level = 'integrator'", nodes)
	if r.whole {
		return collect[spot](r, fmt.Sprintf(`select %s, '{""}'::text[] as want from %s n %s`, spotColumns, nodes, parents))
	}
	return collect[spot](r, fmt.Sprintf(`with asked(root, flag) as (select * from unnest($1::text[], $2::text[])),
hit(id, flag) as (
  select root, flag from asked
  union select n.id, a.flag from asked a join %[1]s n on n.parent = a.root
  union select n.id, a.flag from asked a cross join %[1]s n where a.root = 'platform'),
wanted(id, want) as (select id, array_agg(flag) from hit group by id)
select %[2]s, w.want from wanted w join %[1]s n on n.id = w.id %[3]s`, nodes, spotColumns, parents), roots, keys)
}

// prepare loads the flags that are wanted and what the platform and the
// integrators say about them.
func (r *resolving) prepare(spots []spot) (err error) {
	var wanted, nodes []string
	for _, s := range spots {
		wanted = append(wanted, s.Want...)
		for _, node := range s.line()[:min(2, s.Level.Depth()+1)] {
			nodes = append(nodes, string(node))
		}
	}
	r.flags, err = collect[Flag](r, fmt.Sprintf(`select %s from %s f where '' = any($1::text[]) or f.key in (select unnest($1::text[])) order by f.key`,
		listed[Flag]("f"), r.names("flags")), compact(wanted))
	if err != nil {
		return err
	}
	if err := r.follow(); err != nil {
		return err
	}
	r.upper, err = r.said(compact(nodes))
	return err
}

func compact(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// said loads what nodes say about the flags in hand, by node and flag. It is
// compiled once for all the nodes below.
func (r *resolving) said(nodes []string) (map[string]flag.Layer, error) {
	keys := make([]string, 0, len(r.known))
	for k := range r.known {
		keys = append(keys, string(k))
	}
	rows, err := collect[FlagOverride](r, fmt.Sprintf(`select %s from unnest($1::text[]) n(id) join %s o on o.node = n.id where o.flag in (select unnest($2::text[]))`,
		listed[FlagOverride]("o"), r.names("flag_overrides")), nodes, keys)
	said := make(map[string]flag.Layer, len(rows))
	var named []string
	for _, o := range rows {
		named = append(named, o.Segments...)
		said[o.Key] = o.Layer()
	}
	if err != nil {
		return nil, err
	}
	return said, r.hear(compact(named))
}

// hear loads the segments that are not known yet.
func (r *resolving) hear(named []string) error {
	named = slices.DeleteFunc(named, func(k string) bool { _, known := r.audiences[flag.SegmentKey(k)]; return known })
	if len(named) == 0 {
		return nil
	}
	rows, err := collect[Segment](r, fmt.Sprintf(`select %s from %s s where s.key in (select unnest($1::text[]))`, listed[Segment]("s"), r.names("segments")), named)
	for _, s := range rows {
		r.audiences[s.Key] = s.Audience()
	}
	return err
}

func (r *resolving) audience(k flag.SegmentKey) *flag.Audience { return r.audiences[k] }

// settle resolves at a batch of nodes and writes what comes out.
func (r *resolving) settle(batch []spot) error {
	var tenants []string
	for _, s := range batch {
		if s.Level == domain.TenantLevel {
			tenants = append(tenants, string(s.ID))
		}
	}
	said, err := r.said(tenants)
	if err != nil {
		return err
	}
	maps.Copy(said, r.upper)
	var rows []ResolvedFlag
	var done pairs
	for _, s := range batch {
		for _, f := range r.flags {
			if s.wants(f.Key) {
				now := r.rows(s, f, said)
				rows = append(rows, now...)
				done.add(s.ID, f.Key, len(now))
			}
		}
	}
	return r.write(rows, done)
}

func (s spot) wants(key flag.Key) bool {
	return slices.Contains(s.Want, "") || slices.Contains(s.Want, string(key))
}

// pairs are nodes and flags, and how many rows each pair has now.
type pairs struct {
	nodes, flags []string
	rows         []int
}

func (p *pairs) add(node domain.NodeID, key flag.Key, rows int) {
	p.nodes, p.flags, p.rows = append(p.nodes, string(node)), append(p.flags, string(key)), append(p.rows, rows)
}

// write puts the rows of some pairs in the place of those they had.
func (r *resolving) write(rows []ResolvedFlag, done pairs) error {
	table := r.names("resolved_flags")
	if r.whole && strings.HasSuffix(table, beside) {
		return copyRows(r.ctx, r.tx, table, rows)
	}
	_, err := r.tx.Exec(r.ctx, fmt.Sprintf(`delete from %s t using unnest($1::text[], $2::text[], $3::int[]) d(node, flag, segments)
where t.node = d.node and t.flag = d.flag and t.segment >= d.segments`, table), done.nodes, done.flags, done.rows)
	if err != nil {
		return err
	}
	return upsert(r.ctx, r.tx, table, rows)
}

// copyRows writes rows into a table that holds none of them.
func copyRows[Row any](ctx context.Context, tx pgx.Tx, table string, rows []Row) error {
	values := make([]reflect.Value, len(rows))
	for i := range rows {
		values[i] = reflect.ValueOf(&rows[i]).Elem()
	}
	l := newLayout(Description{Columns: columnsOf[Row]()}, table)
	return l.copy(ctx, tx, l.copyInto, values)
}

// listed is the select list of a row under an alias.
func listed[Row any](alias string) string {
	var names []string
	for _, c := range columnsOf[Row]() {
		names = append(names, alias+"."+c.Name)
	}
	return strings.Join(names, ", ")
}

func collect[Row any](r *resolving, sql string, args ...any) ([]Row, error) {
	rows, err := r.tx.Query(r.ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Row])
}
