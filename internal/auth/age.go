package auth

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// ErrOutdated: the log has not been reached for so long that too much may have changed
// about who may do what.
var ErrOutdated = &domain.Error{Kind: domain.Unavailable, Code: "access-outdated", Detail: "what is known about access is too old; nobody is let in until the log can be reached"}

// Lasts says how old the mirror may be before [Mirror.Err] lets nobody in any more; 0
// for any age. Call it before anybody asks.
func (m *Mirror) Lasts(most time.Duration) { m.lasts = most }

// Confirm records that the mirror shows everything that was in the log at an instant.
func (m *Mirror) Confirm(at time.Time) { m.asOf.Store(at.UnixNano()) }

// Age is how long ago the mirror was last known to show everything that was in the log,
// by the clock on the wall: a machine that slept has grown older. One that is set back
// makes nothing younger than it moved.
func (m *Mirror) Age() time.Duration { return time.Since(time.Unix(0, m.asOf.Load())).Abs() }

// outdated is ErrOutdated once the mirror is too old.
func (m *Mirror) outdated() error {
	if m.lasts > 0 && m.Age() > m.lasts {
		return ErrOutdated
	}
	return nil
}
