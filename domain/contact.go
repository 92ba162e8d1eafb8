package domain

import (
	"fmt"
	"net/mail"
)

// A Contact is a person to turn to at an integrator or a tenant. It is not a
// user: it cannot sign in.
type Contact struct {
	Name  string      `json:"name" pii:"person" minLength:"1" maxLength:"200" doc:"Name of the person or the desk."`
	Email string      `json:"email" pii:"person" format:"email" maxLength:"254" doc:"Address that is read."`
	Phone string      `json:"phone,omitempty" pii:"person" maxLength:"40" doc:"Number to call, in any notation."`
	Role  ContactRole `json:"role" enum:"admin,billing,technical" doc:"What to turn to the contact for."`
}

// ContactRole is what one turns to a contact for.
type ContactRole string

// The roles of contacts.
const (
	AdminContact     ContactRole = "admin"
	BillingContact   ContactRole = "billing"
	TechnicalContact ContactRole = "technical"
)

// MaxContacts is how many contacts one node may list.
const MaxContacts = 20

var (
	// ErrContact: a contact cannot be reached as it is written.
	ErrContact = &Error{Kind: Invalid, Code: "invalid-contact", Detail: "a contact needs a name, an e-mail address and a role"}
	// ErrContactRequired: nobody could be told about the node.
	ErrContactRequired = &Error{Kind: Conflict, Code: "contact-required", Detail: "at least one contact must be known first"}
	// ErrAdministratorRequired: nobody answers for the node.
	ErrAdministratorRequired = &Error{Kind: Conflict, Code: "administrator-required", Detail: "at least one contact with the role admin must be known first"}
)

// CheckContacts refuses contacts that cannot be reached, with ErrContact
// pointing at each wrong member below /contacts.
func CheckContacts(contacts []Contact) error {
	if len(contacts) > MaxContacts {
		return ErrContact.At("/contacts", fmt.Sprintf("at most %d contacts", MaxContacts))
	}
	var wrong *Error
	for i, c := range contacts {
		for _, f := range c.wrong() {
			if wrong == nil {
				wrong = ErrContact
			}
			wrong = wrong.At(fmt.Sprintf("/contacts/%d/%s", i, f.Pointer), f.Detail)
		}
	}
	if wrong == nil {
		return nil
	}
	return wrong
}

func (c Contact) wrong() (fields []FieldError) {
	if CheckName(c.Name, 200) != nil {
		fields = append(fields, FieldError{"name", "1 to 200 characters"})
	}
	if a, err := mail.ParseAddress(c.Email); err != nil || a.Address != c.Email || len(c.Email) > 254 {
		fields = append(fields, FieldError{"email", "an e-mail address such as desk@example.com"})
	}
	if c.Phone != "" && CheckName(c.Phone, 40) != nil {
		fields = append(fields, FieldError{"phone", "at most 40 characters on one line"})
	}
	switch c.Role {
	case AdminContact, BillingContact, TechnicalContact:
	default:
		fields = append(fields, FieldError{"role", "admin, billing or technical"})
	}
	return fields
}

// Administered refuses contacts among which nobody administers, with
// ErrContactRequired or ErrAdministratorRequired.
func Administered(contacts []Contact) error {
	if len(contacts) == 0 {
		return ErrContactRequired
	}
	for _, c := range contacts {
		if c.Role == AdminContact {
			return nil
		}
	}
	return ErrAdministratorRequired
}
