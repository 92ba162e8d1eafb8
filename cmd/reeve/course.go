package main

import (
	"fmt"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// A course shows how far work is whose end is not known from the beginning:
// as a bar on a terminal, as a line now and then anywhere else.
type course struct {
	told func(done, all uint64) // all is 0 while nobody knows
	end  func()
}

func (t *terminal) course(doing, units string) course {
	if f, ok := t.err.(*os.File); ok && cwriter.IsTerminal(int(f.Fd())) {
		p := mpb.New(mpb.WithOutput(f), mpb.WithWidth(40))
		b := p.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(doing+" ")), mpb.AppendDecorators(decor.CurrentNoUnit("%d "+units)))
		return course{
			told: func(done, all uint64) { b.SetTotal(int64(max(all, done+1)), false); b.SetCurrent(int64(done)) },
			end:  func() { b.Abort(true); p.Wait() },
		}
	}
	last := time.Now()
	return course{
		told: func(done, all uint64) {
			if time.Since(last) < every {
				return
			}
			last = time.Now()
			if all > 0 {
				fmt.Fprintf(t.err, "%s: %d of %d %s\n", doing, done, max(all, done), units)
				return
			}
			fmt.Fprintf(t.err, "%s: %d %s\n", doing, done, units)
		},
		end: func() {},
	}
}
