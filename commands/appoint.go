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
// before it is appointed, because the appointment is what cannot be repeated, and
// may do nothing until then: whoever comes half way has nothing, can come again with
// the same secret, and is in nobody's way. Of two who race, the second is disabled.
func Appoint(ctx context.Context, l *Ledger, id domain.ClientID, name, secret string, m domain.Meta) (domain.Receipt, error) {
	if closed, err := Appointed(ctx, l); closed || err != nil {
		return domain.Receipt{}, errors.Join(refusedIf(closed), err)
	}
	r := edge.Request{Meta: m}
	if _, err := Handle(ctx, l, "nominateClient", client.Nominate{Client: id, Name: name, Secret: secret}, r); err != nil {
		return domain.Receipt{}, err
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
