package projections

// Believe lets an engine believe that it is the only one, whatever the others do.
func Believe(e *Engine, name string) *Engine {
	e.lock = name
	return e
}

// Brief lets an engine write after every page what it folds in memory.
func Brief(e *Engine) *Engine {
	e.round = 0
	return e
}
