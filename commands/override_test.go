package commands_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/tenant"
)

const ann domain.NodeID = "8d0f1f0e-5f3b-4c8e-9a63-2f6f0e9d7a11"

func override(t testing.TB, l *commands.Ledger, node domain.NodeID, value string, home domain.TenantID) error {
	t.Helper()
	_, err := give(t, l, "overrideFlag", flag.Override{Node: node, Flag: "dark", Value: json.RawMessage(value), Home: home}, plainly())
	return err
}

// A lock holds from wherever it is placed, for a process that has never heard of
// the nodes between: every stream on the way up is found through the one below.
func TestALockHoldsAllTheWayDown(t *testing.T) {
	log := realLog(t)
	l := ledger(t, log)
	r, err := give(t, l, "registerIntegrator", integrator.Register{Kind: integrator.Partner, BusinessName: "Nord"}, plainly())
	if err != nil {
		t.Fatal(err)
	}
	nord := domain.NodeID(r.ID)
	r, err = give(t, l, "createTenant", tenant.Create{Slug: "acme", Name: "Acme", Kind: tenant.Merchant, Integrator: domain.IntegratorID(nord)}, plainly())
	if err != nil {
		t.Fatal(err)
	}
	acme := domain.NodeID(r.ID)
	if _, err := give(t, l, "defineFlag", flag.Define{Key: "dark", Type: flag.Boolean, Default: json.RawMessage(`true`)}, plainly()); err != nil {
		t.Fatal(err)
	}
	for _, holder := range []domain.NodeID{domain.PlatformID, nord} {
		if err := override(t, l, holder, "false", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := give(t, l, "lockFlag", flag.Lock{Node: holder, Flag: "dark"}, plainly()); err != nil {
			t.Fatal(err)
		}
		for _, below := range []struct {
			node domain.NodeID
			home domain.TenantID
		}{{acme, ""}, {ann, domain.TenantID(acme)}} {
			for name, l := range map[string]*commands.Ledger{"the process of the lock": l, "another": ledger(t, log)} {
				if err := override(t, l, below.node, "true", below.home); !errors.Is(err, flag.ErrLocked) {
					t.Errorf("%s: %s overrides what %s locked: %v", name, below.node, holder, err)
				}
			}
		}
		if _, err := give(t, l, "unlockFlag", flag.Unlock{Node: holder, Flag: "dark"}, plainly()); err != nil {
			t.Fatal(err)
		}
	}
	if err := override(t, l, acme, "true", ""); err != nil {
		t.Fatalf("once nobody holds a lock: %v", err)
	}
	past, err := log.Read(t.Context(), domain.StreamID("nodeflags-"+acme), 0)
	if err != nil || len(past) != 1 {
		t.Fatal(past, err)
	}
	if m := past[0].Meta; m.TenantID != domain.TenantID(acme) || m.IntegratorID != domain.IntegratorID(nord) {
		t.Errorf("the fact belongs to %q under %q", m.TenantID, m.IntegratorID)
	}
}
