package domain

import "time"

const (
	// Overlap is for how long an old credential stays valid beside a new one,
	// unless asked otherwise.
	Overlap = 24 * time.Hour
	// MaximumOverlap is the longest it can.
	MaximumOverlap = 30 * 24 * time.Hour
)

// ErrOverlap: the old credential cannot be valid for so long.
var ErrOverlap = &Error{Kind: Invalid, Code: "invalid-overlap", Detail: "the old one can stay valid for 0 to 2592000 seconds (30 days)"}

// OverlapEnds is when an old credential becomes invalid.
func OverlapEnds(seconds *int, at time.Time) (time.Time, error) {
	if seconds == nil {
		return at.Add(Overlap), nil
	}
	if *seconds < 0 || *seconds > int(MaximumOverlap/time.Second) {
		return time.Time{}, ErrOverlap.At("/overlapSeconds", ErrOverlap.Detail)
	}
	return at.Add(time.Duration(*seconds) * time.Second), nil
}
