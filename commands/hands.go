package commands

import (
	"cmp"
	"context"
	"slices"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/client"
)

// mostHands bounds how many credentials are looked at to find out in whose hands one is.
const mostHands = 64

// independent refuses to let somebody approve a change request with a credential that
// an author of it, or whoever else has approved it, has made or renewed, or the other
// way round: whoever has seen a secret can be whom it is of.
func (l *Ledger) independent(ctx context.Context, cmd any, who domain.Actor) error {
	c, ok := cmd.(change.Approve)
	if !ok {
		return nil
	}
	past, _, err := l.request(ctx, c.Request)
	if err != nil || past.Node != c.Node {
		return err // which is then refused
	}
	for _, author := range past.Authors {
		if one, err := l.sameHands(ctx, who, author); one || err != nil {
			return cmp.Or(err, error(change.ErrOwnRequest.With("one of the caller and who opened or edited the change request has made the credential of the other")))
		}
	}
	for _, other := range past.Approvals {
		if other.ID == who.ID {
			continue // who approves again
		}
		if one, err := l.sameHands(ctx, who, other); one || err != nil {
			return cmp.Or(err, error(change.ErrOwnRequest.With("one of the caller and who has approved the change request has made the credential of the other")))
		}
	}
	return nil
}

// sameHands reports whether one of two can act as the other.
func (l *Ledger) sameHands(ctx context.Context, a, b domain.Actor) (bool, error) {
	for _, pair := range [][2]domain.Actor{{a, b}, {b, a}} {
		hands, err := l.hands(ctx, pair[0])
		if err != nil || slices.ContainsFunc(names(pair[1]), func(id string) bool { return hands[id] }) {
			return true, err
		}
	}
	return false, nil
}

// names are the ids that an actor goes by.
func names(a domain.Actor) (ids []string) {
	for _, id := range []string{a.ID, a.OnBehalfOf} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// hands are all who can act as somebody: that one, and whoever has made or renewed its
// credential, and theirs. Who hides behind too many is nobody's other pair of eyes.
func (l *Ledger) hands(ctx context.Context, who domain.Actor) (map[string]bool, error) {
	seen, next := map[string]bool{}, names(who)
	for len(next) > 0 {
		if len(seen) == mostHands {
			return nil, change.ErrOwnRequest.With("too many have had the credential in their hands")
		}
		id := next[0]
		if next = next[1:]; seen[id] {
			continue
		}
		seen[id] = true
		for _, stream := range []domain.StreamID{client.Stream(domain.ClientID(id)), apikey.Stream(domain.APIKeyID(id))} {
			past, err := l.log.Read(ctx, stream, 0)
			if err != nil {
				return nil, err
			}
			for _, e := range past {
				if e.Err != nil {
					return nil, domain.ErrUnreadableEvent.Because(e.Err)
				}
				switch e.Event.(type) {
				case client.Registered, client.CredentialRotated, apikey.Created, apikey.Rotated:
					next = append(next, names(e.Meta.Actor)...)
				}
			}
		}
	}
	return seen, nil
}
