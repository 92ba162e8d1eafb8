package user

import (
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"net/url"

	"github.com/reeve-platform/reeve/domain"
)

// Kind is what sort of user it is.
type Kind string

// The kinds.
const (
	Member      Kind = "member"       // works at its home
	EndCustomer Kind = "end_customer" // is served by it
	Service     Kind = "service"      // is a program
)

// Profile is who a user is. Integrator is the one that the home belonged to when
// the user was invited, empty for the platform: a login is unique below it.
type Profile struct {
	Home       domain.NodeID       `json:"home"`
	Integrator domain.IntegratorID `json:"integrator,omitempty"`
	Kind       Kind                `json:"kind"`
	Login      string              `json:"login" pii:"person"`
	Name       string              `json:"name,omitempty" pii:"person"`
}

// An Identity is how an external issuer knows a user (OpenID Connect Core 1.0,
// section 2: only iss and sub together are stable and never reassigned).
type Identity struct {
	Issuer  string `json:"issuer" format:"uri" maxLength:"500" doc:"Issuer of the tokens that the user signs in with."`
	Subject string `json:"subject" pii:"person" minLength:"1" maxLength:"255" doc:"Name of the user there, which the issuer never gives to another."`
}

// Kinds of claims that keep users apart.
const (
	LoginClaim    = "user-login"
	IdentityClaim = "user-identity"
)

const (
	maxLogin  = 254 // bytes, RFC 5321 section 4.5.3.1.3
	maxName   = 200 // characters
	maxIssuer = 500
	maxReason = 500
)

var (
	// ErrLogin: nobody can sign in by such a name.
	ErrLogin = &domain.Error{Kind: domain.Invalid, Code: "invalid-login", Detail: "a login is an e-mail address such as ada@example.com"}
	// ErrUserName: a name cannot be read.
	ErrUserName = &domain.Error{Kind: domain.Invalid, Code: "invalid-user-name", Detail: "a name is one line of at most 200 characters that can be read"}
	// ErrUserKind: not a kind of user.
	ErrUserKind = &domain.Error{Kind: domain.Invalid, Code: "invalid-user-kind", Detail: "the kind must be member, end_customer or service"}
	// ErrIdentity: no issuer knows anybody that way.
	ErrIdentity = &domain.Error{Kind: domain.Invalid, Code: "invalid-identity", Detail: "an identity is the https address of an issuer and a subject of 1 to 255 characters"}
	// ErrIdentityLinked: a user is one person at one issuer.
	ErrIdentityLinked = &domain.Error{Kind: domain.Conflict, Code: "identity-linked", Detail: "the user signs in with another identity already"}
)

func (p Profile) check() error {
	if a, err := mail.ParseAddress(p.Login); err != nil || a.Address != p.Login || len(p.Login) > maxLogin {
		return ErrLogin.At("/login", ErrLogin.Detail)
	}
	if p.Name != "" && domain.CheckName(p.Name, maxName) != nil {
		return ErrUserName.At("/name", ErrUserName.Detail)
	}
	switch p.Kind {
	case Member, EndCustomer, Service:
		return nil
	}
	return ErrUserKind.At("/kind", ErrUserKind.Detail)
}

// check lets plain http pass for loopback only: there, and nowhere else, nobody
// stands between an issuer and those who believe it.
func (i *Identity) check() error {
	if i == nil {
		return nil
	}
	u, err := url.Parse(i.Issuer)
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost"))
	if !secure || u.Host == "" || len(i.Issuer) > maxIssuer || domain.CheckName(i.Subject, 255) != nil {
		return ErrIdentity.At("/identity", ErrIdentity.Detail)
	}
	return nil
}

func (i *Identity) issuer() string {
	if i == nil {
		return ""
	}
	return i.Issuer
}

func (i *Identity) equal(j *Identity) bool {
	if i == nil || j == nil {
		return i == j
	}
	return *i == *j
}

// claims takes the login and the identity that facts gave a user. Neither is
// given back while the user exists: a deactivated one must be able to return.
func claims(before User, facts []domain.Event) (take, release []domain.Claim) {
	after := domain.Fold(before, facts...)
	if before.Status == StatusAbsent && after.Status != StatusAbsent {
		take = append(take, domain.Claim{Kind: LoginClaim, Value: after.Profile.realm() + "/" + after.Profile.Login})
	}
	if i := after.Identity; i != nil && !i.equal(before.Identity) {
		take = append(take, domain.Claim{Kind: IdentityClaim, Value: i.digest()})
	}
	return take, nil
}

// realm is below what a login is unique.
func (p Profile) realm() string {
	switch p.Integrator {
	case "":
		return string(domain.PlatformID)
	case domain.DirectIntegrator: // its tenants have nothing to do with each other
		return string(p.Home)
	}
	return string(p.Integrator)
}

// digest stands for the identity where values are compared by how they read: an
// issuer may well tell Ada from ada.
func (i Identity) digest() string {
	sum := sha256.Sum256([]byte(i.Issuer + "\x00" + i.Subject))
	return hex.EncodeToString(sum[:])
}
