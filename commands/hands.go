package commands

import (
	"context"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/client"
)

// mostHands bounds how many credentials are looked at to find out in whose hands one is.
const mostHands = 64

// independent refuses to let somebody approve a change request with a credential that
// an author of it has made or renewed, or the other way round: whoever has seen a secret
// can be whom it is of.
func (l *Ledger) independent(ctx context.Context, cmd any, who domain.Actor) error {
	c, ok := cmd.(change.Approve)
	if !ok {
		return nil
	}
	past, _, err := l.request(ctx, c.Request)
	if err != nil || past.Node != c.Node {
		return err // which is then refused
	}
	mine, err := l.hands(ctx, who)
	for _, author := range past.Authors {
		if err != nil {
			return err
		}
		var theirs map[string]bool
		theirs, err = l.hands(ctx, author)
		for _, id := range names(author) {
			if mine[id] {
				return change.ErrOwnRequest.With("the credential was made by who opened or edited the change request")
			}
		}
		for _, id := range names(who) {
			if theirs[id] {
				return change.ErrOwnRequest.With("the change request was opened or edited with a credential of the caller's making")
			}
		}
	}
	return err
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
// credential, and theirs.
func (l *Ledger) hands(ctx context.Context, who domain.Actor) (map[string]bool, error) {
	seen, next := map[string]bool{}, names(who)
	for len(next) > 0 && len(seen) < mostHands {
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
				switch e.Event.(type) {
				case client.Registered, client.CredentialRotated, apikey.Created, apikey.Rotated:
					next = append(next, names(e.Meta.Actor)...)
				}
			}
		}
	}
	return seen, nil
}
