package edge

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Rate is how often something may be done. The zero Rate is without limit.
type Rate struct {
	PerSecond float64
	Burst     int // at once, after a pause
}

// A RateError refuses what is not written like a [Rate].
type RateError struct{ Text string }

// Error says how it is written.
func (e *RateError) Error() string {
	return fmt.Sprintf("%q must be like \"200/s burst 400\", \"30/m burst 10\" or \"off\"", e.Text)
}

// perSecond are the units of time that a rate can be written with.
var perSecond = map[string]float64{"s": 1, "m": 60, "h": 3600}

// maxRate is beyond what any machine can do; more is a slip of the pen.
const maxRate = 1e9

// UnmarshalText reads a number for each second, minute or hour, with a burst
// behind it that is otherwise what comes in a second, or "off".
func (r *Rate) UnmarshalText(b []byte) error {
	words := strings.Fields(string(b))
	if len(words) == 1 && words[0] == "off" {
		*r = Rate{}
		return nil
	}
	if len(words) != 1 && (len(words) != 3 || words[1] != "burst") {
		return &RateError{string(b)}
	}
	number, unit, _ := strings.Cut(words[0], "/")
	n, err := strconv.ParseUint(number, 10, 32)
	seconds, ok := perSecond[unit]
	if err != nil || !ok || n < 1 || n > maxRate {
		return &RateError{string(b)}
	}
	rate := Rate{PerSecond: float64(n) / seconds}
	rate.Burst = int(math.Ceil(rate.PerSecond))
	if len(words) == 3 {
		burst, err := strconv.ParseUint(words[2], 10, 32)
		if err != nil || burst < 1 || burst > maxRate {
			return &RateError{string(b)}
		}
		rate.Burst = int(burst)
	}
	*r = rate
	return nil
}

// off reports whether there is no limit.
func (r Rate) off() bool { return r.PerSecond == 0 }

// seconds is how long n more take to come, rounded up to whole seconds.
func (r Rate) seconds(n float64) int { return int(math.Ceil(max(n, 0) / r.PerSecond)) }
