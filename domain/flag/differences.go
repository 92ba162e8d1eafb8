package flag

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"time"
)

// Since tells in words what would be in this prospect and would have been another in
// one before it, as far as somebody sees it, the first few of it.
func (p *Prospect) Since(ctx context.Context, then *Prospect, sees func(*Place) bool, most int) (texts []string) {
	was, end := iter.Pull2(then.words(ctx))
	defer end()
	is, end := iter.Pull2(p.words(ctx))
	defer end()
	old, before, some := was()
	next, now, more := is()
	for (some || more) && len(texts) < most && ctx.Err() == nil {
		var order int
		switch {
		case !more:
			order = -1
		case some:
			order = old.compare(&next)
		default:
			order = 1
		}
		at, shown, found := next, "no change", "no change"
		if order <= 0 {
			at, shown = old, before
			old, before, some = was()
		}
		if order >= 0 {
			found = now
			next, now, more = is()
		}
		if shown != found && sees(&at) {
			texts = append(texts, fmt.Sprintf("%s at %s %s: %s was shown, now it is %s", at.Flag, at.Level, at.Node, shown, found))
		}
	}
	return texts
}

// words tell what happens at each place, as far as a digest tells it apart, from the
// platform down.
func (p *Prospect) words(ctx context.Context) iter.Seq2[Place, string] {
	return func(yield func(Place, string) bool) {
		c := comparison{Prospect: p}
		_ = c.walk(ctx, func(at *Place, shifts []Shift, shadow *Shadow) bool { // what is not found out is not told
			text := ""
			for i := range shifts {
				text = joined(text, shifts[i].words())
			}
			if shadow != nil {
				text = joined(text, "its own override "+string(shadow.Ruling))
			}
			return yield(*at, text)
		})
	}
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

func (s *Shift) words() string {
	text := s.Before.words() + " to " + s.After.words()
	for i, when := range []string{" from ", " until "} {
		if !s.named[i].IsZero() {
			text += when + s.named[i].Format(time.RFC3339Nano)
		}
	}
	return text
}

func (o *Outcome) words() string {
	switch {
	case o == nil:
		return "nothing"
	case o.Variant != "":
		return o.Variant
	case len(o.Value) > 100:
		sum := sha256.Sum256(o.Value)
		return fmt.Sprintf("a value of %d bytes (%x)", len(o.Value), sum[:4])
	}
	return string(o.Value)
}
