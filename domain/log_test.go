package domain_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// The ids of facts stand in logs: a retry after an upgrade must find its own.
func TestEventIDsNeverChange(t *testing.T) {
	for _, c := range []struct {
		scope, key string
		index      int
		want       string
	}{
		{"suspendTenant|tenant-6f9619ff-8b86-4011-b42d-00c04fc964ff|anonymous", "retry-1", 0, "41ff5d6c-76d3-5b29-aa01-6d71160b63ef"},
		{"suspendTenant|tenant-6f9619ff-8b86-4011-b42d-00c04fc964ff|anonymous", "retry-1", 1, "155db876-5d69-50d2-9f07-01ccf25ef34d"},
		{"", "", 0, "bdee927a-e447-5840-bff3-33d6e95fecea"},
	} {
		id := domain.EventID(c.scope, c.key, c.index)
		if id.String() != c.want {
			t.Errorf("%q %q %d: %s", c.scope, c.key, c.index, id)
		}
		if id.Version() != 5 || id.Variant() != uuid.RFC4122 {
			t.Errorf("%s is not a UUIDv5", id)
		}
	}
}

func TestEventIDsTellPartsApart(t *testing.T) {
	seen := map[uuid.UUID]string{}
	for _, c := range []struct {
		scope, key string
		index      int
	}{{"a", "b", 0}, {"a", "b", 1}, {"ab", "", 0}, {"", "ab", 0}, {"b", "a", 0}, {"a", "b1", 0}, {"a", "b", 10}} {
		id := domain.EventID(c.scope, c.key, c.index)
		if twin, taken := seen[id]; taken {
			t.Errorf("%v has the id of %s", c, twin)
		}
		seen[id] = c.scope + "|" + c.key
	}
}
