package domain

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

func TestPermissionsAreListedOnceAndInOrder(t *testing.T) {
	if !slices.IsSorted(AllPermissions) || len(slices.Compact(slices.Clone(AllPermissions))) != len(AllPermissions) {
		t.Error("not sorted, or one is there twice")
	}
	if len(AllPermissions) > 64 {
		t.Error("a set has 64 bits")
	}
}

func TestPermissionsInJSON(t *testing.T) {
	s := PermissionsOf(TenantRead, FlagRead, "nonsense")
	b, err := json.Marshal(s)
	if err != nil || string(b) != `["flag:read","tenant:read"]` {
		t.Errorf("%s, %v", b, err)
	}
	var back Permissions
	if err := json.Unmarshal([]byte(`["tenant:read","of:tomorrow","flag:read"]`), &back); err != nil || back != s {
		t.Errorf("%v, %v", back, err)
	}
	if s.Has(PermissionsOf(TenantRead, TenantWrite)) || !s.Has(PermissionsOf(TenantRead)) || !s.Has(0) {
		t.Error("what is in a set")
	}
	var p Permission
	if err := p.UnmarshalText([]byte("tenant:wirte")); !errors.Is(err, ErrPermission) {
		t.Errorf("a typing error gives %v", err)
	}
}
