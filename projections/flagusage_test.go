package projections_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

func TestFlagUsage(t *testing.T) {
	node := domain.NodeID(north)
	used := func(k flag.Key, n, first, last int) flag.Evaluated {
		return flag.Evaluated{Node: node, Flag: k, Count: n, First: minute(first), Last: minute(last)}
	}
	row := func(k flag.Key, n, first, last, position int) projections.FlagUse {
		return projections.FlagUse{Key: string(node) + "/" + string(k), Owner: string(node), Node: node, Flag: k, Count: int64(n), FirstAt: minute(first), LastAt: minute(last), Position: int64(position)}
	}
	stream := flag.UsageStream(node)
	tell(t, projections.FlagUsage, []given[projections.FlagUse]{
		{"one flag", story(in(stream, used("dark", 3, 1, 2))), []projections.FlagUse{row("dark", 3, 1, 2, 1)}},
		{"all at once is a row of its own", story(in(stream, used("dark", 3, 1, 2), used("", 1, 4, 4))), []projections.FlagUse{row("", 1, 4, 4, 2), row("dark", 3, 1, 2, 1)}},
		{"counts add up", story(in(stream, used("dark", 3, 1, 2), used("dark", 4, 5, 9))), []projections.FlagUse{row("dark", 7, 1, 9, 2)}},
		{"servers count side by side", story(in(stream, used("dark", 3, 5, 9), used("dark", 4, 2, 7))), []projections.FlagUse{row("dark", 7, 2, 9, 2)}},
		{"a count in another's history is none", story(in(flag.UsageStream("platform"), used("dark", 3, 1, 2))), nil},
	})
}
