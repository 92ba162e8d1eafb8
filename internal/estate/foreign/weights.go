package foreign

import (
	"slices"

	"github.com/reeve-platform/reeve/domain/flag"
)

// shares gives variants their parts of the whole, by weights of any size. What is
// left over by rounding goes to those that were cut most, so that together they take
// just the part. The zero weight is nothing.
func shares(variants []string, weights []uint64, part uint64) []flag.Share {
	sum := uint64(0)
	for _, w := range weights {
		sum += w
	}
	out, cut, left := make([]flag.Share, len(variants)), make([]uint64, len(variants)), part
	for i, v := range variants {
		out[i].Variant = v
		if sum == 0 {
			continue
		}
		out[i].Weight, cut[i] = uint32(weights[i]*part/sum), weights[i]*part%sum
		left -= uint64(out[i].Weight)
	}
	for ; sum > 0 && left > 0; left-- {
		i := slices.Index(cut, slices.Max(cut))
		out[i].Weight, cut[i] = out[i].Weight+1, 0
	}
	return out
}

// maxWeight bounds weights of others, so that nothing overflows.
const maxWeight = 1 << 31
