package readapi

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

// Tables are asked as of then by the statements that ask them as of now: the name of
// a table stands for its rows as they were at a position, and now() for the instant.

// A moment is a position of the log, and the instant that is now then.
type moment struct {
	position uint64
	at       time.Time
}

var kept = projections.Kept(projections.All)

// asOf is the view as of what the question says, if it says so. What it looks at are
// the versions of rows, once they are known up to there.
func (s *Source) asOf(ctx context.Context, v View, q any) (View, error) {
	dated, ok := q.(interface {
		past() bool
		reaches() uint64
		in(*flag.Book) (uint64, time.Time, error)
	})
	if !ok || !dated.past() {
		return v, nil
	}
	v.Least = max(v.Least, dated.reaches())
	if err := s.awaitBook(ctx, v.Least); err != nil {
		return v, plain(err)
	}
	position, at, err := dated.in(s.Flags)
	if err != nil {
		return v, err
	}
	v.past, v.Least = moment{position, at}, max(v.Least, position)
	tables := make([]string, len(v.Tables))
	for i, name := range v.Tables {
		if tables[i] = name; kept[name].Name != "" {
			tables[i] = projections.PastOf(name)
		}
	}
	v.Tables = tables
	return v, nil
}

var (
	table    = regexp.MustCompile(`\breadmodel\.([a-z][a-z0-9_]*)`)
	rewrites sync.Map // of statements as of then, by statement and how many arguments it has
)

// then is a statement as of the moment of the view, and its arguments.
func (v View) then(sql string, args []any) (string, []any) {
	if v.past.position == 0 {
		return sql, args
	}
	args = append(args[:len(args):len(args)], int64(v.past.position), v.past.at)
	key := fmt.Sprint(len(args), sql)
	if known, ok := rewrites.Load(key); ok {
		return known.(string), args
	}
	position, at := fmt.Sprintf("$%d", len(args)-1), fmt.Sprintf("$%d::timestamptz", len(args))
	text := strings.ReplaceAll(table.ReplaceAllStringFunc(sql, func(name string) string {
		if d := kept[strings.TrimPrefix(name, "readmodel.")]; d.Name != "" {
			return d.AsOf(position)
		}
		return name
	}), "now()", at)
	text = fmt.Sprintf("with moment as (select %s::bigint, %s) %s", position, at, text) // a parameter must be named to have a type
	rewrites.Store(key, text)
	return text, args
}
