package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/auth"
)

// Who may do what was known some time ago; beyond some age that is not enough to let
// anybody in, and it is again as soon as the log was seen.
func TestNobodyComesInOnWhatIsTooOld(t *testing.T) {
	const most = time.Hour
	reads := domain.PermissionsOf(domain.TenantRead)
	for name, c := range map[string]struct {
		lasts, old time.Duration
		refused    bool
	}{
		"of this moment":                {most, 0, false},
		"not too old":                   {most, most - time.Minute, false},
		"too old":                       {most, most + time.Minute, true},
		"on a clock that was set back":  {most, -most - time.Minute, true},
		"on a clock that was corrected": {most, -time.Minute, false},
		"as old as it may ever be":      {0, 20 * 365 * 24 * time.Hour, false},
		"of a moment that nobody knows": {most, time.Since(time.Unix(0, 0)), true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, nil)
			d.mirror.Lasts(c.lasts)
			d.mirror.Confirm(time.Now().Add(-c.old))
			d.admits(t, reads, c.refused)
			d.mirror.Confirm(time.Now())
			d.admits(t, reads, false)
			if age := d.mirror.Age(); age > time.Minute {
				t.Errorf("it is %s old", age)
			}
		})
	}
}

// admits looks at both sides of the door: credentials that are used, and such that are
// asked for.
func (d *door) admits(t *testing.T, scopes domain.Permissions, refused bool) {
	t.Helper()
	_, entered := d.enter(t, userAt(domain.PlatformID, scopes))
	usable := d.guard.Usable(auth.Principal{ID: string(ann), Type: auth.User, Node: domain.PlatformID})
	for _, err := range []error{entered, usable} {
		if refused != errors.Is(err, auth.ErrOutdated) || !refused && err != nil {
			t.Errorf("it ended with %v", err)
		}
	}
	if err := d.mirror.Blind(); err != nil {
		t.Error("what can be mended is told as what cannot:", err)
	}
}
