package commands_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/internal/auth"
)

func newClient() client.Register {
	return client.Register{Node: domain.PlatformID, Name: "Billing", Permissions: []domain.Permission{domain.TenantRead}}
}

// A retry under the same key is told the same secret, by any process; whoever
// asks for something else is told another.
func TestARetryIsToldTheSameSecret(t *testing.T) {
	log := realLog(t)
	l, other := ledger(t, log), ledger(t, log)
	first, err := give(t, l, "registerClient", newClient(), under("k", "A"))
	if err != nil || !domain.IsClientSecret(first.Secret) {
		t.Fatal(first.ID, err)
	}
	again, err := give(t, other, "registerClient", newClient(), under("k", "A"))
	if err != nil || again.Secret != first.Secret || again.ID != first.ID {
		t.Errorf("a retry: %s for %s, %v", again.ID, first.ID, err)
	}
	if reused, err := give(t, l, "registerClient", newClient(), under("k", "B")); !errors.Is(err, commands.ErrKeyReused) || reused.Secret != "" {
		t.Error("another body under the key:", err)
	}
	second, err := give(t, l, "registerClient", newClient(), under("k2", "A"))
	if err != nil || second.Secret == first.Secret {
		t.Error("another key:", err)
	}
	somebody := under("k", "A")
	somebody.Meta.Actor.ID = "somebody"
	third, err := give(t, l, "registerClient", newClient(), somebody)
	if err != nil || third.Secret == first.Secret || third.ID == first.ID {
		t.Error("somebody else's key:", err)
	}
}

// What is in the log is the digest of what was told, and not what was told.
func TestNoSecretIsInTheLog(t *testing.T) {
	log := realLog(t)
	l := ledger(t, log)
	created, err := give(t, l, "createApiKey", apikey.Create{Node: domain.PlatformID, Name: "Shop", Permissions: []domain.Permission{domain.FlagRead}}, plainly())
	if err != nil {
		t.Fatal(err)
	}
	id := domain.APIKeyID(created.ID)
	rotated, err := give(t, l, "rotateApiKey", apikey.Rotate{Node: domain.PlatformID, Key: id}, plainly())
	if err != nil || rotated.Secret == created.Secret {
		t.Fatal(err)
	}
	past, err := log.Read(t.Context(), apikey.Stream(id), 0)
	if err != nil || len(past) != 2 {
		t.Fatal(len(past), err)
	}
	for i, told := range []string{created.Secret, rotated.Secret} {
		if got, ok := domain.ReadAPIKey(told); !ok || got != id {
			t.Error("what was told is no key of that id")
		}
		data, meta := string(past[i].Data), encoded(t, past[i].Meta)
		if !strings.Contains(data, domain.Digest(told)) || strings.Contains(data+meta, told[len(told)-40:]) {
			t.Errorf("event %d says something else than the digest", i)
		}
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNothingRecordedNothingTold(t *testing.T) {
	l := ledger(t, realLog(t))
	r, err := give(t, l, "registerClient", newClient(), plainly())
	if err != nil {
		t.Fatal(err)
	}
	c := domain.ClientID(r.ID)
	if _, err := give(t, l, "disableClient", client.Disable{Node: domain.PlatformID, Client: c}, plainly()); err != nil {
		t.Fatal(err)
	}
	refused, err := give(t, l, "rotateClient", client.Rotate{Node: domain.PlatformID, Client: c}, plainly())
	if !errors.Is(err, client.ErrDisabled) || refused.Secret != "" {
		t.Error(err)
	}
	if _, err := give(t, l, "registerClient", client.Register{Node: domain.NodeID(domain.DirectIntegrator), Name: "x", Permissions: []domain.Permission{domain.TenantRead}}, plainly()); err != nil {
		t.Error("at the built-in integrator:", err)
	}
	if _, err := give(t, l, "registerClient", client.Register{Node: "5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11", Name: "x", Permissions: []domain.Permission{domain.TenantRead}}, plainly()); !errors.Is(err, domain.ErrNodeNotFound) {
		t.Error("at no node:", err)
	}
}

// The first start makes a key to sign tokens with, later ones find it; a retry of
// a rotation is answered like the first, whatever key was made for it.
func TestTheFirstStartMakesASigningKey(t *testing.T) {
	log := realLog(t)
	sealer, err := auth.NewSealer(nameKey)
	if err != nil {
		t.Fatal(err)
	}
	l := commands.NewLedger(log, commands.Options{NameKey: nameKey, Survey: nobody, Forge: sealer.Forge})
	for range 2 {
		if err := commands.Establish(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	first, err := give(t, l, "rotateSigningKey", signing.Rotate{Alg: signing.ES256}, under("k", "A"))
	again, twice := give(t, l, "rotateSigningKey", signing.Rotate{Alg: signing.ES256}, under("k", "A"))
	if err != nil || twice != nil || !cmp.Equal(first, again) || first.Secret != "" {
		t.Error(first, err, again, twice)
	}
	if _, err := give(t, l, "rotateSigningKey", signing.Rotate{Alg: signing.ES256}, plainly()); !errors.Is(err, signing.ErrTooSoon) {
		t.Error(err)
	}
	if past, err := log.Read(t.Context(), signing.Stream, 0); err != nil || len(past) != 2 {
		t.Error(len(past), err)
	}
}

func TestSigningKeysNeedAForge(t *testing.T) {
	l := ledger(t, realLog(t))
	if _, err := give(t, l, "rotateSigningKey", signing.Rotate{}, plainly()); !errors.Is(err, commands.ErrNoForge) {
		t.Error(err)
	}
}
