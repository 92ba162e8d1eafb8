package readapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/reeve-platform/reeve/domain"
)

// A Page is how much of a list to answer, and after what.
type Page struct {
	Limit int    `json:"limit,omitempty" query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items at most."`
	After string `json:"after,omitempty" query:"after" maxLength:"1024" doc:"The next of the answer before; the list goes on after it."`
}

// A List is one page of a list, and where the next one begins.
type List[Row any] struct {
	Items []Row  `json:"items" doc:"The items, in the order asked for."`
	Next  string `json:"next,omitempty" doc:"Send as after to go on; absent on the last page."`
}

// ErrCursor: the cursor was not made by this list with these filters and this order.
var ErrCursor = &domain.Error{Kind: domain.Invalid, Code: "invalid-cursor", Detail: "after must be the next of an earlier answer to the same question"}

const defaultLimit = 50

// A listing is a list that can be paged: what to select, and its orders. Pages
// are cut by key and not by count, so that rows that come and go meanwhile
// neither repeat nor hide others.
type listing struct {
	columns string         // select list
	from    string         // everything from "from" to the end of the where clause
	id      key            // breaks ties
	sorts   map[string]key // by name
}

// A key is an expression that is never null, and its type. Its text form must
// read back as the same value.
type key struct{ expr, typ string }

// An ask is one call of a listing. Bound is the question itself without its
// page: a cursor is only good for the question it was made by.
type ask struct {
	Page
	sort  string
	bound any
	args  []any
}

// A mark is where a page ended.
type mark struct {
	Key string `json:"k"`
	ID  string `json:"i"`
}

// pageOf answers one page of a listing.
func pageOf[Row any](ctx context.Context, db DB, l listing, a ask) (List[Row], error) {
	a.Limit = limitOf(a.Limit)
	sql, args, err := l.statement(a)
	if err != nil {
		return List[Row]{}, err
	}
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return List[Row]{}, err
	}
	var marks []mark
	items, err := pgx.CollectRows(rows, seen(db, marked[Row](&marks)))
	if unfit(err) && a.After != "" {
		return List[Row]{}, ErrCursor
	}
	if err != nil || len(items) <= a.Limit {
		return List[Row]{Items: nonNil(items)}, err
	}
	return List[Row]{Items: items[:a.Limit], Next: a.seal(marks[a.Limit-1])}, nil
}

// unfit reports a value that is not of its type (SQLSTATE class 22), which only
// a cursor of somebody's own making can bring.
func unfit(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Code, "22")
}

func limitOf(n int) int {
	if n == 0 {
		return defaultLimit
	}
	return min(max(n, 1), 200)
}

// nonNil makes an empty list an empty array in JSON.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// statement asks for one row more than the page holds, to know whether there is
// a next one.
func (l listing) statement(a ask) (string, []any, error) {
	name, down := strings.CutPrefix(a.sort, "-")
	by, ok := l.sorts[name]
	if !ok {
		return "", nil, fmt.Errorf("no sort named %q", a.sort)
	}
	order, than, args := "asc", ">", a.args
	if down {
		order, than = "desc", "<"
	}
	after := ""
	if a.After != "" {
		m, err := a.unseal()
		if err != nil {
			return "", nil, err
		}
		n := len(args)
		after = fmt.Sprintf(" and (%s, %s) %s ($%d::text::%s, $%d::text::%s)", by.expr, l.id.expr, than, n+1, by.typ, n+2, l.id.typ)
		args = append(args[:n:n], m.Key, m.ID)
	}
	return fmt.Sprintf("select %s, (%s)::text, (%s)::text %s%s order by %s %s, %s %s limit %d",
		l.columns, by.expr, l.id.expr, l.from, after, by.expr, order, l.id.expr, order, a.Limit+1), args, nil
}

// seal makes the opaque cursor. The hash is no signature: a cursor holds no
// right, and whoever computes one only pages through what they may see anyway.
func (a ask) seal(m mark) string {
	body, _ := json.Marshal(m)
	return base64.RawURLEncoding.EncodeToString(append(a.sum(body), body...))
}

const sumSize = 8

func (a ask) unseal() (m mark, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(a.After)
	if err != nil || len(b) <= sumSize || string(b[:sumSize]) != string(a.sum(b[sumSize:])) {
		return m, ErrCursor.At("after", "not a cursor of this list in this order with these filters")
	}
	if err := json.Unmarshal(b[sumSize:], &m); err != nil {
		return m, ErrCursor
	}
	return m, nil
}

func (a ask) sum(body []byte) []byte {
	question, _ := json.Marshal(a.bound)
	h := sha256.Sum256(fmt.Appendf(nil, "%T\x00%s\x00%s\x00%s", a.bound, a.sort, question, body))
	return h[:sumSize]
}

// marked scans a row whose last two columns are where it stands in the list.
func marked[Row any](marks *[]mark) pgx.RowToFunc[Row] {
	return func(r pgx.CollectableRow) (Row, error) {
		var m mark
		row, err := pgx.RowToStructByName[Row](shorter{r, &m})
		*marks = append(*marks, m)
		return row, err
	}
}

// shorter hides the last two columns of a row.
type shorter struct {
	pgx.CollectableRow
	mark *mark
}

// FieldDescriptions leaves out the mark.
func (s shorter) FieldDescriptions() []pgconn.FieldDescription {
	all := s.CollectableRow.FieldDescriptions()
	return all[:len(all)-2]
}

// Scan reads the mark beside what is asked for.
func (s shorter) Scan(dest ...any) error {
	return s.CollectableRow.Scan(append(dest, &s.mark.Key, &s.mark.ID)...)
}
