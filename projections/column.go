package projections

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// A Column is a field of a row as the database sees it.
type Column struct {
	Name     string
	Type     string // PostgreSQL type
	Nullable bool   // the field is a pointer

	field []int // index in the row struct
	text  encoder
}

var columnCache sync.Map // reflect.Type to []Column

// columnsOf reads the columns off the db tags of Row. It panics on a field
// without one: a row struct is a table, not a table and something else.
func columnsOf[Row any]() []Column {
	t := reflect.TypeFor[Row]()
	if known, ok := columnCache.Load(t); ok {
		return known.([]Column)
	}
	var columns []Column
	for f := range t.Fields() {
		columns = append(columns, columnOf(t, f))
	}
	columnCache.Store(t, columns)
	return columns
}

func columnOf(row reflect.Type, f reflect.StructField) Column {
	name, typ, ok := strings.Cut(f.Tag.Get("db"), ",")
	if !ok || !f.IsExported() {
		panic(fmt.Sprintf("row %s: field %s needs to be exported and tagged db:\"name,type\"", row, f.Name))
	}
	c := Column{Name: name, Type: typ, field: f.Index}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t, c.Nullable = t.Elem(), true
	}
	c.text = encoderOf(t, typ)
	return c
}

// encode appends the text form of the column's value in row; null is true, and
// nothing is appended, for a nil pointer.
func (c Column) encode(b []byte, row reflect.Value) (_ []byte, null bool, err error) {
	v := row.FieldByIndex(c.field)
	if c.Nullable {
		if v.IsNil() {
			return b, true, nil
		}
		v = v.Elem()
	}
	b, err = c.text(b, v)
	return b, false, err
}

// texts appends the column's values in rows, as one value of type text[] in
// PostgreSQL's binary form: the text form would quote each here, and look at each
// byte there. See array_recv in PostgreSQL's arrayfuncs.c.
func (c Column) texts(b []byte, rows []reflect.Value) ([]byte, error) {
	b = appendArrayHeader(b, len(rows))
	for _, row := range rows {
		at := len(b)
		b = append(b, 0, 0, 0, 0)
		var null bool
		var err error
		if b, null, err = c.encode(b, row); err != nil {
			return b, err
		}
		sealElement(b, at, null)
	}
	return b, nil
}

// inUTC moves the times of a row that was read to UTC, which is how events
// carry them: a fold must not see where this process runs.
func inUTC(row reflect.Value, columns []Column) {
	for _, c := range columns {
		switch t := row.FieldByIndex(c.field).Addr().Interface().(type) {
		case *time.Time:
			*t = t.UTC()
		case **time.Time:
			if *t != nil {
				utc := (*t).UTC()
				*t = &utc
			}
		}
	}
}
