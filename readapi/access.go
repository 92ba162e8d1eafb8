package readapi

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Access is a record of one statement against the read models.
type Access struct {
	ID           uuid.UUID `db:"id" json:"id" doc:"The record."`
	At           time.Time `db:"at" json:"at" doc:"When it was asked."`
	ActorID      string    `db:"actor_id" json:"actorId" doc:"Who asked."`
	ActorType    string    `db:"actor_type" json:"actorType" doc:"What sort of actor that is."`
	OnBehalfOf   string    `db:"on_behalf_of" json:"onBehalfOf,omitempty" doc:"Whom the actor acted for."`
	Statement    string    `db:"statement" json:"statement" doc:"Which question it was."`
	Tables       []string  `db:"tables" json:"tables" doc:"The tables it looked at."`
	Scope        []string  `db:"scope" json:"scope" doc:"Paths of the nodes that it was confined to, with all below."`
	Rows         int64     `db:"rows" json:"rows" doc:"Rows it was answered with."`
	Microseconds int64     `db:"microseconds" json:"microseconds" doc:"How long it took."`
	Reason       string    `db:"reason" json:"reason,omitempty" doc:"Why, in the actor's words."`
	TraceID      string    `db:"trace_id" json:"traceId,omitempty" doc:"The request it was part of."`
	Failed       bool      `db:"failed" json:"failed" doc:"Whether it failed."`
}

// DataAccessBy asks who looked at what.
type DataAccessBy struct {
	Page
	Actor     string    `json:"actor,omitempty" query:"actor" maxLength:"500" doc:"Only by this actor."`
	Statement string    `json:"statement,omitempty" query:"statement" maxLength:"200" doc:"Only this question."`
	Table     string    `json:"table,omitempty" query:"table" maxLength:"200" doc:"Only what looked at this table."`
	Platform  string    `json:"platform,omitempty" query:"platform" enum:"yes,no" doc:"Only what was, or was not, confined to less than the platform."`
	From      time.Time `json:"from,omitzero" query:"from" doc:"Only at or after this instant."`
	To        time.Time `json:"to,omitzero" query:"to" doc:"Only before this instant."`
	Sort      string    `json:"sort,omitempty" query:"sort" enum:"-at,at" default:"-at" doc:"Newest or oldest first."`
}

// Run answers from the records of data access.
func (q DataAccessBy) Run(ctx context.Context, db DB) (List[Access], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "-at")
	q.Page = Page{}
	return pageOf[Access](ctx, db, accessList, ask{page, sort, q, []any{q.Actor, q.Statement, q.Table, q.Platform, instant(q.From), instant(q.To)}})
}

var accessList = listing{
	columns: `a.id, a.at, a.actor_id, a.actor_type, a.on_behalf_of, a.statement, a.tables, a.scope, a.rows, a.microseconds, a.reason, a.trace_id, a.failed`,
	from: `from reeve.data_access_log a
where ($1::text = '' or a.actor_id = $1::text)
and ($2::text = '' or a.statement = $2::text)
and ($3::text = '' or $3::text = any(a.tables))
and ($4::text = '' or ($4::text = 'yes') = ('platform' = any(a.scope)))
and ($5::timestamptz is null or a.at >= $5::timestamptz)
and ($6::timestamptz is null or a.at < $6::timestamptz)`,
	id:    key{"a.id", "uuid"},
	sorts: map[string]key{"at": {"a.at", "timestamptz"}},
}

// ForgetAccess removes records older than an instant, as a role that can see
// nothing of them but their age. It says how many.
func ForgetAccess(ctx context.Context, db *pgxpool.Pool, before time.Time) (gone int64, err error) {
	err = pgx.BeginTxFunc(ctx, db, pgx.TxOptions{BeginQuery: "begin; set local role reeve_projector"}, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from reeve.data_access_log where at < $1`, before)
		gone = tag.RowsAffected()
		return err
	})
	return gone, err
}

// system is a view of the program itself.
func system(name, reason string, least uint64, tables ...string) View {
	return View{Name: name, Scope: within(reason), Least: least, Tables: tables}
}
