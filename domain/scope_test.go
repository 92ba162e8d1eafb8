package domain

import "testing"

func TestWhatLiesAboveAScope(t *testing.T) {
	for _, c := range []struct {
		paths []string
		above string // of p, i, t, j and u
	}{
		{nil, ""},
		{[]string{"p"}, ""},
		{[]string{"p/i"}, "p"},
		{[]string{"p/i/t"}, "pi"},
		{[]string{"p/i/t/u"}, "pit"},
		{[]string{"p/i/t", "p/j"}, "pi"},
		{[]string{"p/i/t", "p/i"}, "p"},
		{[]string{"p/i/t", "p"}, ""},
		{[]string{"p/i/u", "p/i/t"}, "pi"},
	} {
		got := ""
		for _, n := range []NodeID{"p", "i", "t", "j", "u"} {
			if (Scope{Paths: c.paths}).Above(n) {
				got += string(n)
			}
		}
		if got != c.above {
			t.Errorf("above %v: %q, not %q", c.paths, got, c.above)
		}
	}
}
