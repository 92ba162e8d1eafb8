package domain

type (
	// ClientID is the UUIDv4 of an OAuth client.
	ClientID string
	// APIKeyID is the UUIDv4 of an API key. It is part of the key's text.
	APIKeyID string
	// ChangeID is the UUIDv4 of a change request.
	ChangeID string
)

// UnmarshalText refuses anything but a UUIDv4.
func (id *ClientID) UnmarshalText(b []byte) (err error) { *id, err = parseV4[ClientID](b); return }

// UnmarshalText refuses anything but a UUIDv4.
func (id *APIKeyID) UnmarshalText(b []byte) (err error) { *id, err = parseV4[APIKeyID](b); return }

// UnmarshalText refuses anything but a UUIDv4.
func (id *ChangeID) UnmarshalText(b []byte) (err error) { *id, err = parseV4[ChangeID](b); return }

// ClientStream names the history of an OAuth client.
func ClientStream(id ClientID) StreamID { return StreamID("client-" + id) }

// APIKeyStream names the history of an API key.
func APIKeyStream(id APIKeyID) StreamID { return StreamID("apikey-" + id) }

// SigningKeysStream is the history of what access tokens are signed with.
const SigningKeysStream StreamID = "signingkeys-platform"

// An Appoints event gives the platform its first administrator, a client that may do
// everything everywhere from then on, until it is disabled: whatever the build can
// permit, so that somebody can give what a later one adds.
type Appoints interface{ Appoints() ClientID }

// A Site is a node as far as a rule about something registered there needs it:
// whether it is there, and whose it is. It is folded from the streams that
// [SiteStreams] names.
type Site struct {
	Node     NodeID
	Level    Level
	Parent   NodeID
	Standing Standing
}

// SiteStreams are the streams that may say where a node hangs and how it stands.
// One of them is empty. The platform is always there.
func SiteStreams(n NodeID) []StreamID {
	if n == PlatformID {
		return nil
	}
	return []StreamID{IntegratorStream(IntegratorID(n)), TenantStream(TenantID(n))}
}

// Evolve folds one event.
func (s Site) Evolve(e Event) Site {
	if p, ok := e.(Placed); ok {
		s.Node, s.Level, s.Parent = p.Placed()
	}
	if p, ok := e.(Stands); ok {
		_, s.Standing = p.Stands()
	}
	return s
}

// ErrNodeClosed: what is archived or has ended takes nothing in.
var ErrNodeClosed = &Error{Kind: Conflict, Code: "node-closed", Detail: "the node is archived, pending deletion or gone; nothing can be registered there"}

// Takes says whether something new may be registered at node n. A node that is
// suspended for the time being may still be configured.
func (s Site) Takes(n NodeID) error {
	switch {
	case n == PlatformID:
		return nil
	case s.Node != n || s.Standing == Absent:
		return ErrNodeNotFound
	case s.Standing == Closed || s.Standing == Ended:
		return ErrNodeClosed
	}
	return nil
}

// Owner is where the node's own streams belong.
func (s Site) Owner() Owner {
	switch s.Level {
	case IntegratorLevel:
		return Owner{Integrator: IntegratorID(s.Node)}
	case TenantLevel:
		return Owner{Integrator: IntegratorID(s.Parent), Tenant: TenantID(s.Node)}
	}
	return Owner{}
}

// A SigningKey is a key that tokens can be signed with: its private part is
// sealed, and can be opened by those only who hold the key encryption key.
type SigningKey struct {
	Public PublicKey
	Sealed []byte
}

// A Forger is a command that needs a new signing key of an algorithm. The write
// path makes one and hands it over.
type Forger[C any] interface {
	Forges() (alg string)
	WithKey(SigningKey) C
}

// A Population is a sort of things of which a node takes in only so many.
type Population string

// The populations.
const (
	Clients Population = "client" // registered and not disabled
	APIKeys Population = "apikey" // created and not revoked
	Users   Population = "user"   // invited, whatever became of them
)

// A Settler is a command that brings one more of a population to a node.
type Settler interface {
	Settles() (Population, NodeID)
}

// ErrNodeFull: a node takes in no more of these.
var ErrNodeFull = &Error{Kind: Conflict, Code: "node-full", Detail: "there are as many of these at the node as may be; some must go first, or whoever runs the platform must allow more"}
