package commands

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// ErrNoForge: this process has no key to seal signing keys with.
var ErrNoForge = &domain.Error{Kind: domain.Unavailable, Code: "signing-keys-unavailable", Detail: "signing keys cannot be made here: there is no key encryption key"}

// equipped gives a command what it must not be sent and must not make up itself:
// a secret that its caller is told, or a signing key.
func equipped[C domain.Command[S], S domain.State[S]](l *Ledger, operation string, cmd C, r edge.Request) (_ C, shown string, err error) {
	if s, ok := any(cmd).(domain.Secretive[C]); ok {
		cmd = s.WithSecret(l.secret(newCall(l, operation, cmd, r).scope, r.Meta.CommandID))
		shown = any(cmd).(domain.Secretive[C]).Shown()
	}
	if f, ok := any(cmd).(domain.Forger[C]); ok {
		if l.o.Forge == nil {
			return cmd, "", ErrNoForge
		}
		key, err := l.o.Forge(f.Forges())
		return f.WithKey(key), "", err
	}
	return cmd, shown, nil
}

// secret is 256 bits that nobody can tell without the name key. They follow from
// the request, so that a retry under the same idempotency key is told the same,
// and nothing is lost when an answer is. A request without such a key has a
// random id in its place.
func (l *Ledger) secret(scope, command string) string {
	key := hmac.New(sha256.New, l.o.NameKey)
	key.Write([]byte("secrets told to callers"))
	mac := hmac.New(sha256.New, key.Sum(nil))
	mac.Write([]byte(scope + "\x00" + command))
	return domain.Base62(mac.Sum(nil), domain.SecretDigits)
}
