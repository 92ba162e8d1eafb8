package main

import (
	"fmt"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// every is how often work without a terminal says how far it is.
const every = 3 * time.Second

// A progress shows how far long work is: as a bar on a terminal, as a line now and
// then anywhere else.
type progress struct {
	told func(done, all int)
	end  func(finished bool)
}

func (t *terminal) progress(all int) progress {
	if f, ok := t.err.(*os.File); ok && cwriter.IsTerminal(int(f.Fd())) {
		return bar(f, all)
	}
	last := time.Now()
	return progress{
		told: func(done, all int) {
			if time.Since(last) >= every {
				last = time.Now()
				fmt.Fprintf(t.err, "%d of %d commands\n", done, all)
			}
		},
		end: func(finished bool) {
			if finished {
				fmt.Fprintf(t.err, "%d commands issued\n", all)
			}
		},
	}
}

func bar(f *os.File, all int) progress {
	p := mpb.New(mpb.WithOutput(f), mpb.WithWidth(40))
	b := p.AddBar(int64(all), mpb.PrependDecorators(decor.Name("applying ")), mpb.AppendDecorators(decor.CountersNoUnit("%d of %d commands")))
	return progress{
		told: func(done, _ int) { b.SetCurrent(int64(done)) },
		end: func(finished bool) {
			if !finished {
				b.Abort(false)
			}
			p.Wait()
		},
	}
}
