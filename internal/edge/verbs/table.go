package verbs

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// gap is the space between columns; widest is how much of a value a terminal
// shows, and least how little is worth showing.
const (
	gap    = "  "
	widest = 48
	least  = 12
)

// list prints a row for each item, with as many columns as there is room for, in
// the order in which the struct has them.
func (t *Terminal) list(answer []byte, item reflect.Type) error {
	var page struct {
		Items []map[string]json.RawMessage `json:"items"`
		Next  string                       `json:"next"`
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return ErrUnexpectedAnswer.Because(err)
	}
	names := columnsOf(item)
	rows := [][]string{heads(names)}
	for _, it := range page.Items {
		row := make([]string, len(names))
		for i, name := range names {
			row[i] = t.cell(it[name])
		}
		rows = append(rows, row)
	}
	t.render(t.fit(rows), true)
	t.more(page.Next)
	return nil
}

// one prints the members of an answer below each other, in their order.
func (t *Terminal) one(answer []byte) error {
	d := json.NewDecoder(bytes.NewReader(answer))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return t.json(answer)
	}
	var rows [][]string
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return ErrUnexpectedAnswer.Because(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return ErrUnexpectedAnswer.Because(err)
		}
		rows = append(rows, []string{name.(string), plain(value)})
	}
	t.render(rows, false)
	return nil
}

func (t *Terminal) render(rows [][]string, head bool) {
	w := table.NewWriter()
	w.SetStyle(table.Style{Name: "Reeve", Box: table.BoxStyle{PaddingRight: gap}, Options: table.OptionsNoBordersAndSeparators})
	for i, row := range rows {
		line := make(table.Row, len(row))
		for j, cell := range row {
			line[j] = cell
			if t.Color && (head && i == 0 || !head && j == 0) {
				line[j] = text.Bold.Sprint(cell)
			}
		}
		w.AppendRow(line)
	}
	for line := range strings.SplitSeq(w.Render(), "\n") {
		_, _ = t.Out.Write([]byte(strings.TrimRight(line, " ") + "\n"))
	}
}

// fit keeps the leading columns that the terminal has room for; the first always.
// Columns that hold nothing are left out, and the last one is cut if that leaves
// enough of it.
func (t *Terminal) fit(rows [][]string) [][]string {
	if t.Width == 0 {
		return rows
	}
	out, used := make([][]string, len(rows)), 0
	for column := range rows[0] {
		wide, filled := widthOf(rows, column)
		room := t.Width - used
		if !filled && column > 0 {
			continue
		}
		if wide > room && column > 0 && room < least {
			return out
		}
		for i, row := range rows {
			out[i] = append(out[i], cut(row[column], max(room, least)))
		}
		used += wide + len(gap)
	}
	return out
}

// widthOf is how wide a column is, and whether any row says something in it; a
// table without rows shows all its heads.
func widthOf(rows [][]string, column int) (wide int, filled bool) {
	for i, row := range rows {
		wide = max(wide, text.StringWidthWithoutEscSequences(row[column]))
		filled = filled || len(rows) == 1 || i > 0 && row[column] != ""
	}
	return wide, filled
}

// cut shortens a text to a number of characters.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// cell is a value in one line, cut on a terminal.
func (t *Terminal) cell(raw json.RawMessage) string {
	if t.Width == 0 {
		return plain(raw)
	}
	return cut(plain(raw), widest)
}

// plain is a text without its quotes, a list of texts with commas, and anything
// else as JSON. Nothing in it can move the cursor: names are chosen by strangers.
func plain(raw json.RawMessage) string {
	var s string
	var list []string
	var b bytes.Buffer
	switch {
	case len(raw) == 0 || string(raw) == "null":
	case json.Unmarshal(raw, &s) == nil:
	case json.Unmarshal(raw, &list) == nil:
		s = strings.Join(list, ",")
	case json.Compact(&b, raw) == nil:
		s = b.String()
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, s)
}

func heads(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = strings.ToUpper(kebab(words(name)))
	}
	return out
}

// columnsOf names the members of an item that fit into a cell, in the order of
// the struct.
func columnsOf(item reflect.Type) (names []string) {
	for item.Kind() == reflect.Pointer {
		item = item.Elem()
	}
	if item.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(item) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "" && name != "-" && flat(f.Type) {
			names = append(names, name)
		}
	}
	return names
}

// flat types are written in one JSON scalar, are free values, or lists of texts.
func flat(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		return t.Implements(reflect.TypeFor[json.Marshaler]())
	case reflect.Slice:
		return t == reflect.TypeFor[json.RawMessage]() || t.Elem().Kind() == reflect.String
	case reflect.Map, reflect.Array, reflect.Interface:
		return false
	}
	return true
}
