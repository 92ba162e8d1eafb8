package auth_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/signing"
)

func (w *world) published() (kids []string) {
	for _, k := range w.Published(w.clock()) {
		kids = append(kids, k.Kid)
	}
	return kids
}

// A new key is published, then signs; the old one verifies until the last token
// signed with it has expired.
func TestALifeOfASigningKey(t *testing.T) {
	w := newWorld(t)
	old := w.token(t, billing, north)
	next := w.rotate(t, "ES256")
	both := []string{w.kid, next.Key.Kid}
	if got := w.published(); !slices.Equal(got, both) {
		t.Fatalf("at once: %v", got)
	}
	if text := w.token(t, billing, north); signedBy(t, text) != w.kid {
		t.Error("it signs before everybody can know it")
	}
	w.pass(signing.Notice)
	fresh := w.token(t, billing, north)
	if signedBy(t, fresh) != next.Key.Kid {
		t.Error("it does not sign")
	}
	for _, text := range []string{old, fresh} {
		if _, err := w.verifier.Token(t.Context(), text); err != nil {
			t.Error(err)
		}
	}
	w.pass(signing.Linger)
	if got := w.published(); !slices.Equal(got, both[1:]) {
		t.Errorf("in the end: %v", got)
	}
}

func signedBy(t *testing.T, text string) string {
	t.Helper()
	return headerOf(t, text)["kid"].(string)
}

// When the key that signs is retired before its successor's turn has come, the
// successor signs at once: better too soon than not at all.
func TestARetiredKeyIsReplacedAtOnce(t *testing.T) {
	w := newWorld(t)
	next := w.rotate(t, "EdDSA")
	w.tell(signing.Stream, signing.Retired{Kid: w.kid})
	text := w.token(t, billing, north)
	if signedBy(t, text) != next.Key.Kid || !slices.Equal(w.published(), []string{next.Key.Kid}) {
		t.Error(w.published())
	}
	if _, err := w.verifier.Token(t.Context(), text); err != nil {
		t.Error(err)
	}
}

// Keys follow each other while many sign and verify, here and in a process that
// hears of everything later. Nobody is ever refused.
func TestRotationUnderLoad(t *testing.T) {
	w, late := newWorld(t), newWorld(t)
	keys := []signing.Rotated{}
	for _, alg := range []string{"ES256", "EdDSA", "ES256", "EdDSA", "ES256", "EdDSA"} {
		k, err := w.sealer.Forge(alg)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, signing.Rotated{Key: k.Public, Sealed: k.Sealed})
	}
	verified, stop := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				text := w.token(t, billing, north)
				for _, v := range []*world{w, late} {
					if _, err := v.verifier.Token(t.Context(), text); err != nil {
						t.Error(err)
					}
				}
				select {
				case verified <- struct{}{}:
				case <-stop:
					return
				}
			}
		})
	}
	more := func() {
		for range 20 {
			<-verified
		}
	}
	for _, k := range keys {
		k.SignsFrom = w.clock().Add(signing.Notice)
		k.BeforeUntil = k.SignsFrom.Add(signing.Linger)
		w.tell(signing.Stream, k)
		more()
		late.tell(signing.Stream, k)
		w.pass(signing.Notice)
		late.pass(signing.Notice)
		more()
	}
	close(stop)
	all.Wait()
}

func TestScopesOfATokenArePermissions(t *testing.T) {
	w := newWorld(t)
	p, err := w.verifier.Token(t.Context(), w.claims("auth:tenant:read", strings.Join([]string{"auth:tenant:read", "auth:flag:read"}, " ")))
	if err != nil || p.Scopes != domain.PermissionsOf(domain.TenantRead, domain.FlagRead) {
		t.Error(p, err)
	}
}
