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

	field int // index in the row struct
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
	c := Column{Name: name, Type: typ, field: f.Index[0]}
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
	v := row.Field(c.field)
	if c.Nullable {
		if v.IsNil() {
			return b, true, nil
		}
		v = v.Elem()
	}
	b, err = c.text(b, v)
	return b, false, err
}

// texts are the column's values in rows, as one literal of type text[]: an array
// of strings would cost an allocation and a conversion for each.
func (c Column) texts(rows []reflect.Value) (string, error) {
	var literal, value []byte
	for _, row := range rows {
		var null bool
		var err error
		if value, null, err = c.encode(value[:0], row); err != nil {
			return "", err
		}
		literal = append(literal, ',')
		if null {
			literal = append(literal, "null"...)
			continue
		}
		literal = appendQuoted(literal, value)
	}
	literal[0] = '{'
	return string(append(literal, '}')), nil
}

// inUTC moves the times of a row that was read to UTC, which is how events
// carry them: a fold must not see where this process runs.
func inUTC(row reflect.Value, columns []Column) {
	for _, c := range columns {
		switch t := row.Field(c.field).Addr().Interface().(type) {
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
