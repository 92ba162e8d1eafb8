package domain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
)

func TestCheckContactsPointsAtWhatIsWrong(t *testing.T) {
	ada := domain.Contact{Name: "Ada", Email: "ada@acme.example", Phone: "+49 30 1234", Role: domain.AdminContact}
	for name, c := range map[string]struct {
		change func(*domain.Contact)
		want   []string
	}{
		"nothing":               {func(*domain.Contact) {}, nil},
		"no phone is fine":      {func(c *domain.Contact) { c.Phone = "" }, nil},
		"a blank name":          {func(c *domain.Contact) { c.Name = " " }, []string{"/contacts/1/name"}},
		"a name of 201":         {func(c *domain.Contact) { c.Name = strings.Repeat("ü", 201) }, []string{"/contacts/1/name"}},
		"no address":            {func(c *domain.Contact) { c.Email = "" }, []string{"/contacts/1/email"}},
		"a name in the address": {func(c *domain.Contact) { c.Email = "Ada <ada@acme.example>" }, []string{"/contacts/1/email"}},
		"an endless address":    {func(c *domain.Contact) { c.Email = strings.Repeat("a", 250) + "@b.example" }, []string{"/contacts/1/email"}},
		"an endless phone":      {func(c *domain.Contact) { c.Phone = strings.Repeat("1", 41) }, []string{"/contacts/1/phone"}},
		"a phone that steers":   {func(c *domain.Contact) { c.Phone = "1\x1b[0m" }, []string{"/contacts/1/phone"}},
		"an unknown role":       {func(c *domain.Contact) { c.Role = "king" }, []string{"/contacts/1/role"}},
		"everything": {func(c *domain.Contact) { *c = domain.Contact{Phone: strings.Repeat("1", 41)} },
			[]string{"/contacts/1/name", "/contacts/1/email", "/contacts/1/phone", "/contacts/1/role"}},
	} {
		t.Run(name, func(t *testing.T) {
			second := ada
			c.change(&second)
			if diff := cmp.Diff(c.want, pointers(t, domain.CheckContacts([]domain.Contact{ada, second}))); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func pointers(t *testing.T, err error) (at []string) {
	t.Helper()
	e, ok := domain.AsError(err)
	if !ok {
		return nil
	}
	if !errors.Is(err, domain.ErrContact) || e.Kind != domain.Invalid {
		t.Fatal(err)
	}
	for _, f := range e.Fields {
		at = append(at, f.Pointer)
	}
	return at
}

func TestCheckContactsCounts(t *testing.T) {
	if got := pointers(t, domain.CheckContacts(make([]domain.Contact, domain.MaxContacts+1))); len(got) != 1 || got[0] != "/contacts" {
		t.Fatal(got)
	}
}
