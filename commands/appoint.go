package commands

import (
	"context"
	"errors"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/internal/edge"
)

// ErrAppointed is platform.ErrAppointed: bootstrap is closed.
var ErrAppointed = platform.ErrAppointed

// Appoint makes a client with a secret of its holder's choice the platform's first
// administrator: it may do everything everywhere. It fails with
// platform.ErrAppointed if the log has ever had one. The client is registered
// before it is appointed, because the appointment is what cannot be repeated; of
// two who race, the second is disabled again, and its secret was never of use to
// anybody else.
func Appoint(ctx context.Context, l *Ledger, id domain.ClientID, name, secret string, m domain.Meta) (domain.Receipt, error) {
	if closed, err := Appointed(ctx, l); closed || err != nil {
		return domain.Receipt{}, errors.Join(refusedIf(closed), err)
	}
	r := edge.Request{Meta: m}
	register := client.Register{Node: domain.PlatformID, Client: id, Name: name, Permissions: domain.AllPermissions}.Keeping(secret)
	if _, err := Handle(ctx, l, "registerClient", register, r); err != nil && !errors.Is(err, domain.ErrTransition) {
		return domain.Receipt{}, err // one that is registered is what is left of an attempt that ended half way
	}
	receipt, err := Handle(ctx, l, "appointAdministrator", platform.Appoint{Administrator: string(id)}, internal(r))
	if errors.Is(err, platform.ErrAppointed) {
		_, late := Handle(ctx, l, "disableClient", client.Disable{Node: domain.PlatformID, Client: id}, internal(r))
		return domain.Receipt{}, errors.Join(err, late)
	}
	return receipt, err
}

func refusedIf(closed bool) error {
	if closed {
		return platform.ErrAppointed
	}
	return nil
}

// Appointed reports whether the log has ever had an administrator.
func Appointed(ctx context.Context, l *Ledger) (bool, error) {
	past, err := l.log.Read(ctx, platform.Stream, 0)
	if err != nil {
		return false, err
	}
	var p platform.Platform
	for _, e := range past {
		p = p.Evolve(e.Event)
	}
	return p.Administrator != "", nil
}
