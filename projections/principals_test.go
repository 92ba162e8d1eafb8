package projections_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/projections"
)

const (
	clientID domain.ClientID = "55555555-5555-4555-8555-555555555555"
	keyID    domain.APIKeyID = "66666666-6666-4666-8666-666666666666"
	digest                   = "a digest that no row shows"
)

var reads = domain.PermissionsOf(domain.FlagRead)

func registeredClient(events ...domain.Event) part {
	first := client.Registered{Client: clientID, Node: domain.NodeID(north), Name: "Bill\x00ing", Permissions: reads, Credential: domain.Credential{Digest: digest}}
	return in(domain.ClientStream(clientID), append([]domain.Event{first}, events...)...)
}

func createdKey(events ...domain.Event) part {
	first := apikey.Created{Key: keyID, Node: domain.NodeID(north), Name: "Sh\x00op", Permissions: reads, Digest: digest, Expires: minute(60)}
	return in(domain.APIKeyStream(keyID), append([]domain.Event{first}, events...)...)
}

// clientRow is the client as it was registered, then changed at a revision.
func clientRow(revision int, change func(*projections.Client)) []projections.Client {
	c := projections.Client{
		ID: clientID, Owner: string(north), Node: domain.NodeID(north), Name: "Bill\uFFFDing", Permissions: reads.List(),
		Method: "client_secret_basic", Kids: []string{}, Status: client.Active, RotatedAt: minute(1),
		Revision: int64(revision), Position: int64(revision + 1), CreatedAt: minute(1), UpdatedAt: minute(revision + 1),
	}
	change(&c)
	return []projections.Client{c}
}

func TestClients(t *testing.T) {
	ends := minute(30)
	keys := domain.Credential{Keys: []domain.PublicKey{{Kid: "a"}, {Kid: "b"}}}
	rotated := client.CredentialRotated{Client: clientID, Node: domain.NodeID(north), Credential: keys, OverlapEnds: ends}
	tell(t, projections.Clients, []given[projections.Client]{
		{"nothing happened", nil, nil},
		{"registered", story(registeredClient()), clientRow(0, func(*projections.Client) {})},
		{"rotated to keys", story(registeredClient(rotated)), clientRow(1, func(c *projections.Client) {
			c.Method, c.Kids, c.RotatedAt, c.OverlapEnds = "private_key_jwt", []string{"a", "b"}, minute(2), &ends
		})},
		{"disabled", story(registeredClient(rotated, client.Disabled{Client: clientID})), clientRow(2, func(c *projections.Client) {
			c.Method, c.Kids, c.RotatedAt, c.Status = "private_key_jwt", []string{"a", "b"}, minute(2), client.Inactive
		})},
		{"a token was revoked", story(registeredClient(client.TokenRevoked{Client: clientID, JTI: "j"})), clientRow(1, func(*projections.Client) {})},
		{"appointed", story(registeredClient(), in(domain.PlatformStream, platform.AdministratorAppointed{Administrator: string(clientID)})), clientRow(0, func(c *projections.Client) {
			c.Permissions, c.Position, c.UpdatedAt = domain.AllPermissions, 2, minute(2)
		})},
		{"somebody else was appointed", story(registeredClient(), in(domain.PlatformStream, platform.AdministratorAppointed{Administrator: "nobody's id"})), clientRow(0, func(*projections.Client) {})},
		{"appointed by somebody else", story(registeredClient(), in("platform-of-somebody", platform.AdministratorAppointed{Administrator: string(clientID)})), clientRow(0, func(*projections.Client) {})},
		{"a history without a beginning is no client", story(in(domain.ClientStream(clientID), nil)), nil},
		{"a stream of somebody else is not a client", story(in("client-of-somebody", nil)), nil},
	})
}

// apiKeyRow is the key as it was created, then changed at a revision.
func apiKeyRow(revision int, change func(*projections.APIKey)) []projections.APIKey {
	k := projections.APIKey{
		ID: keyID, Owner: string(north), Node: domain.NodeID(north), Name: "Sh\uFFFDop", Permissions: reads.List(), Status: apikey.Active,
		ExpiresAt: minute(60), RotatedAt: minute(1), Revision: int64(revision), Position: int64(revision + 1), CreatedAt: minute(1), UpdatedAt: minute(revision + 1),
	}
	change(&k)
	return []projections.APIKey{k}
}

func TestAPIKeys(t *testing.T) {
	ends := minute(30)
	rotated := apikey.Rotated{Key: keyID, Node: domain.NodeID(north), Digest: digest, OverlapEnds: ends, Expires: minute(90)}
	tell(t, projections.APIKeys, []given[projections.APIKey]{
		{"nothing happened", nil, nil},
		{"created", story(createdKey()), apiKeyRow(0, func(*projections.APIKey) {})},
		{"rotated", story(createdKey(rotated)), apiKeyRow(1, func(k *projections.APIKey) { k.ExpiresAt, k.RotatedAt, k.OverlapEnds = minute(90), minute(2), &ends })},
		{"revoked", story(createdKey(rotated, apikey.Revoked{Key: keyID})), apiKeyRow(2, func(k *projections.APIKey) {
			k.ExpiresAt, k.RotatedAt, k.Status = minute(90), minute(2), apikey.Terminated
		})},
		{"a history without a beginning is no key", story(in(domain.APIKeyStream(keyID), nil)), nil},
	})
}

func TestSigningKeys(t *testing.T) {
	first := signing.Rotated{Key: domain.PublicKey{Kid: "a", Alg: "RS256"}, Sealed: []byte("x"), SignsFrom: minute(1)}
	second := signing.Rotated{Key: domain.PublicKey{Kid: "b", Alg: "ES256"}, SignsFrom: minute(3), Before: "a", BeforeUntil: minute(20)}
	a := projections.SigningKey{Kid: "a", Owner: "platform", Alg: "RS256", SignsFrom: minute(1), Position: 1, CreatedAt: minute(1)}
	b := projections.SigningKey{Kid: "b", Owner: "platform", Alg: "ES256", SignsFrom: minute(3), Before: "a", Position: 2, CreatedAt: minute(2)}
	retired, at := a, minute(3)
	retired.RetiredAt, retired.Position = &at, 3
	tell(t, projections.SigningKeys, []given[projections.SigningKey]{
		{"nothing happened", nil, nil},
		{"the first", story(in(signing.Stream, first)), []projections.SigningKey{a}},
		{"the next", story(in(signing.Stream, first, second)), []projections.SigningKey{a, b}},
		{"the first is retired", story(in(signing.Stream, first, second, signing.Retired{Kid: "a"})), []projections.SigningKey{retired, b}},
		{"one that nobody made is retired", story(in(signing.Stream, signing.Retired{Kid: "z"})), nil},
	})
}

// Neither a digest nor a sealed key is in any row, the audit log's included.
func TestNoRowShowsWhatSecretsAreCheckedAgainst(t *testing.T) {
	sealed := signing.Rotated{Key: domain.PublicKey{Kid: "a"}, Sealed: []byte("sealed"), SignsFrom: noon}
	log := story(
		registeredClient(client.CredentialRotated{Client: clientID, Credential: domain.Credential{Digest: digest}}),
		createdKey(apikey.Rotated{Key: keyID, Digest: digest}), in(signing.Stream, sealed))
	for name, shown := range map[string]any{
		"clients": rows(projections.Clients, log), "api_keys": rows(projections.APIKeys, log),
		"signing_keys": rows(projections.SigningKeys, log), "audit_log": rows(projections.AuditLog, log),
	} {
		b, err := json.Marshal(shown)
		if err != nil || strings.Contains(string(b), digest) || strings.Contains(string(b), "c2VhbGVk") {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
}
