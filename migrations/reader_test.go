package migrations

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Every way past the policies is refused by its name; the login that Reader makes
// has none.
func TestAReaderCanOnlyRead(t *testing.T) {
	admin, url := migrated(t)
	for i, c := range []struct{ name, make, why string }{
		{"a superuser", "alter role %s superuser", "superuser"},
		{"who walks past policies", "alter role %s bypassrls", "BYPASSRLS"},
		{"who can become the owner", "grant reeve_owner to %s", "owner"},
		{"who owns a table", "alter table readmodel.rows owner to %s", "owns the tables"},
		{"who can write rows", "grant reeve_projector to %s", "write rows"},
		{"who can make roles", "alter role %s createrole", "make roles"},
		{"who can become such a one", "create role %[1]s_more bypassrls; grant %[1]s_more to %[1]s", "BYPASSRLS"},
		{"who may only read", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			login := fmt.Sprintf("reader_%d", i)
			reader, err := Reader(t.Context(), url, login, "r")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { dropRole(t, url, login) })
			if strings.Contains(c.make, "_more") {
				t.Cleanup(func() { dropRole(t, url, login+"_more") })
			}
			if c.make != "" {
				run(t, admin, fmt.Sprintf(c.make, login))
			}
			err = CheckReader(t.Context(), url, reader)
			if refused := errors.Is(err, ErrReader); refused != (c.why != "") || refused && !strings.Contains(err.Error(), c.why) || !refused && err != nil {
				t.Errorf("%v, want %q", err, c.why)
			}
		})
	}
	if err := CheckReader(t.Context(), url, url); !errors.Is(err, ErrReader) || !strings.Contains(err.Error(), "the login that writes") {
		t.Errorf("the same login: %v", err)
	}
	writer := loginAs(t, url, "writer", "createrole")
	if err := CheckReader(t.Context(), writer, url); !errors.Is(err, ErrReader) || !strings.Contains(err.Error(), "superuser") {
		t.Errorf("a superuser of another name: %v", err)
	}
}
