package auth

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/client"
)

const (
	accessType = "at+jwt" // RFC 9068 section 2.1
	leeway     = 30 * time.Second
	// scopePrefix is before the name of a permission in an OAuth scope.
	scopePrefix = "auth:"
)

// Claims are what an access token of ours says.
type Claims struct {
	Issuer       string `json:"iss"`
	Audience     string `json:"aud"`
	Subject      string `json:"sub"`
	Client       string `json:"client_id"`
	IssuedAt     int64  `json:"iat"`
	Expires      int64  `json:"exp"`
	JTI          string `json:"jti"`
	Scope        string `json:"scope"`
	TenantID     string `json:"tenant_id,omitempty"`
	IntegratorID string `json:"integrator_id,omitempty"`
}

// node is where the token is bound to; empty if it says so in two ways.
func (c Claims) node() domain.NodeID {
	switch {
	case c.TenantID != "" && c.IntegratorID != "":
		return ""
	case c.TenantID != "":
		return domain.NodeID(c.TenantID)
	case c.IntegratorID != "":
		return domain.NodeID(c.IntegratorID)
	}
	return domain.PlatformID
}

// readClaims reads what a token of ours must say and nothing else. What its
// signature is worth has been found out before.
func readClaims(raw map[string]json.RawMessage) (c Claims, ok bool) {
	fine := true
	text := func(name string, required bool) string {
		s, there := stringOf(raw[name])
		if _, present := raw[name]; !there && (required || present) {
			fine = false
		}
		return s
	}
	c = Claims{
		Issuer: text("iss", true), Subject: text("sub", true), Client: text("client_id", true), JTI: text("jti", true),
		TenantID: text("tenant_id", false), IntegratorID: text("integrator_id", false), Scope: text("scope", true),
	}
	var there [3]bool
	c.Audience, there[0] = onlyOf(raw["aud"])
	c.IssuedAt, there[1] = secondsOf(raw["iat"])
	c.Expires, there[2] = secondsOf(raw["exp"])
	return c, fine && there == [3]bool{true, true, true} && len(c.JTI) <= 64
}

// timely judges when a token was made and when it ends.
func timely(raw map[string]json.RawMessage, now time.Time, longest time.Duration) error {
	issued, ok := secondsOf(raw["iat"])
	expires, also := secondsOf(raw["exp"])
	from := issued
	if nbf, there := raw["nbf"]; there {
		n, number := secondsOf(nbf)
		from, ok = max(from, n), ok && number
	}
	switch {
	case !ok || !also, expires <= issued, time.Duration(expires-issued)*time.Second > longest:
		return errUntidy
	case time.Unix(from, 0).After(now.Add(leeway)):
		return errUntidy
	case !now.Before(time.Unix(expires, 0).Add(leeway)):
		return ErrExpired
	}
	return nil
}

// longestLife of a token of ours.
const longestLife = client.MaximumLife

// ScopeOf writes permissions as OAuth scopes.
func ScopeOf(s domain.Permissions) string {
	names := make([]string, 0, 8)
	for _, p := range s.List() {
		names = append(names, scopePrefix+string(p))
	}
	return strings.Join(names, " ")
}

// scopesIn reads OAuth scopes (RFC 6749 section 3.3). Those that are not ours are
// in rest.
func scopesIn(text string) (ours domain.Permissions, rest []string) {
	for s := range strings.SplitSeq(text, " ") {
		name, prefixed := strings.CutPrefix(s, scopePrefix)
		if p := domain.Permission(name); prefixed && p.Known() {
			ours |= domain.PermissionsOf(p)
		} else {
			rest = append(rest, s)
		}
	}
	return ours, rest
}
