package projections

// Believe lets an engine believe that it is the only one, whatever the others do.
func Believe(e *Engine, name string) *Engine {
	e.lock = name
	return e
}
