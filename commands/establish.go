package commands

import (
	"context"

	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/internal/edge"
)

// Establish brings into being what every installation has: the platform,
// the integrator that tenants without one hang under and, where signing keys can
// be made, a key to sign access tokens with. It fails with
// platform.ErrKey if the log was begun with another key.
func Establish(ctx context.Context, l *Ledger) error {
	r := SystemRequest("first start")
	check := platform.Establish{KeyCheck: l.digest("key check")}
	if _, err := Handle(ctx, l, "establishPlatform", check, r); err != nil {
		return err
	}
	if _, err := Handle(ctx, l, "establishDirect", integrator.Establish{}, r); err != nil || l.o.Forge == nil {
		return err
	}
	return l.firstKey(ctx, r)
}

// firstKey makes the first signing key. Looking first spares every later start
// the making of one for nothing.
func (l *Ledger) firstKey(ctx context.Context, r edge.Request) error {
	if past, err := l.log.Read(ctx, signing.Stream, 0); err != nil || len(past) > 0 {
		return err
	}
	first, _, err := equipped(l, "rotateSigningKey", signing.First(), r)
	if err == nil {
		_, err = Handle(ctx, l, "rotateSigningKey", first, r)
	}
	return err
}
