package readapi

// inOrder puts rows into the order of the ids they were asked for by; nil where
// there is none.
func inOrder[ID comparable, Row any](ids []ID, rows []Row, of func(Row) ID) []*Row {
	byID := make(map[ID]*Row, len(rows))
	for n := range rows {
		byID[of(rows[n])] = &rows[n]
	}
	out := make([]*Row, len(ids))
	for n, id := range ids {
		out[n] = byID[id]
	}
	return out
}

// grouped puts rows under the ids they were asked for by, in the order of the
// ids and, below each, of the rows.
func grouped[ID comparable, Row any](ids []ID, rows []Row, of func(Row) ID) [][]Row {
	byID := make(map[ID][]Row, len(ids))
	for _, row := range rows {
		byID[of(row)] = append(byID[of(row)], row)
	}
	out := make([][]Row, len(ids))
	for n, id := range ids {
		out[n] = nonNil(byID[id])
	}
	return out
}
