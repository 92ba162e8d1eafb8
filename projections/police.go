package projections

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Row-level security forbids COPY, so a table that is being filled has none.
// Nobody may read it until it has: the right to select comes together with the
// policies, before the table joins the main lane.

// tree is the table of the nodes. The policies of other tables look at it through
// a view of their own, readmodel.tree: a policy remembers the table and not its
// name, and a rebuild puts another table in its place.
const tree = "nodes"

// strip takes policies and readers away from tables that are to be filled.
func strip(ctx context.Context, tx pgx.Tx, s *slot) error {
	_, err := tx.Exec(ctx, fmt.Sprintf("revoke select on %s from %s; alter table %[1]s no force row level security, disable row level security",
		qualified(s.cursor()), list(readers)))
	return err
}

// police gives a table its policies and its readers, and notes which ones.
func police(ctx context.Context, tx pgx.Tx, d Description, table string) error {
	ddl := d.policies(qualified(table)) + fmt.Sprintf("comment on table %s is '%s'", qualified(table), d.mark())
	if _, err := tx.Exec(ctx, ddl); err != nil {
		return fmt.Errorf("policies of %s: %w", table, err)
	}
	return nil
}

// mark tells tables with today's policies from others.
func (d Description) mark() string {
	sum := sha256.Sum256([]byte(d.policies("it")))
	return "policies " + hex.EncodeToString(sum[:8])
}

// policed gives the tables beside of a lane what they need before anybody may
// read them.
func (l *lane) policed(ctx context.Context) error {
	return l.inTx(ctx, asOwner, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		for _, s := range l.slots {
			if !s.next {
				continue
			}
			if err := police(ctx, tx, s.Description, s.cursor()); err != nil {
				return err
			}
		}
		return nil
	})
}

// stripped makes the tables beside of a lane ready to be filled.
func (l *lane) stripped(ctx context.Context) error {
	return l.inTx(ctx, asOwner, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		for _, s := range l.slots {
			if !s.next {
				continue
			}
			if err := strip(ctx, tx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// policeAll gives the tables that are read today's policies, where they have
// others: an older version made them, or somebody has dropped the tree.
func (e *Engine) policeAll(ctx context.Context) error {
	for _, p := range e.all {
		if err := e.policeOne(ctx, p.Describe()); err != nil {
			return err
		}
	}
	return nil
}

const policedAs = `select c.oid is not null, coalesce(obj_description(c.oid, 'pg_class'), ''), (select count(*) from pg_policy p where p.polrelid = c.oid)
from to_regclass($1) c(oid)`

func (e *Engine) policeOne(ctx context.Context, d Description) error {
	return e.inTx(ctx, asOwner, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		var there bool
		var mark string
		var count int
		err := tx.QueryRow(ctx, policedAs, qualified(d.Name)).Scan(&there, &mark, &count)
		if err != nil || !there || (mark == d.mark() && count == len(readers)+1) {
			return err
		}
		if err := ensureTree(ctx, tx); err != nil {
			return err
		}
		return police(ctx, tx, d, d.Name)
	})
}

// viewTree points the view at a table of nodes; at nothing if there is none.
func viewTree(ctx context.Context, tx pgx.Tx, table string) error {
	from := "select ''::text as id, ''::text as parent, ''::text as path where false"
	if table != "" {
		from = "select id, parent, path from " + qualified(table)
	}
	_, err := tx.Exec(ctx, fmt.Sprintf("create or replace view %s with (security_invoker = true) as %s; grant select on %[1]s to reeve_projector, %[3]s",
		qualified("tree"), from, list(readers)))
	return err
}

// ensureTree makes the view unless it is there.
func ensureTree(ctx context.Context, tx pgx.Tx) error {
	var there bool
	if err := tx.QueryRow(ctx, "select to_regclass($1) is not null", qualified("tree")).Scan(&there); err != nil || there {
		return err
	}
	return resetTree(ctx, tx)
}

// resetTree points the view at the nodes that are read, so that those being built
// beside can be thrown away.
func resetTree(ctx context.Context, tx pgx.Tx) error {
	var there bool
	if err := tx.QueryRow(ctx, "select to_regclass($1) is not null", qualified(tree)).Scan(&there); err != nil {
		return err
	}
	if !there {
		return viewTree(ctx, tx, "")
	}
	return viewTree(ctx, tx, tree)
}

// swapTree points the view at the new nodes before they take the place of the
// old ones, in a transaction of its own: it locks nothing else. Both tables hold
// the same rows.
func (l *leader) swapTree(ctx context.Context, slots []*slot) error {
	i := slices.IndexFunc(slots, func(s *slot) bool { return s.Name == tree })
	if i < 0 {
		return nil
	}
	return l.inTx(ctx, asSwapper, pageTime, func(ctx context.Context, tx pgx.Tx) error { return viewTree(ctx, tx, slots[i].cursor()) })
}
