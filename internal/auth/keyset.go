package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"github.com/reeve-platform/reeve/domain"
)

const (
	keysFresh   = 5 * time.Minute        // keys are fetched again after
	keysGood    = 24 * time.Hour         // and believed for so long when they cannot be
	unknownKids = 30 * time.Second       // an unknown kid leads to one fetch in this time
	fetchLimit  = 10 * time.Second       // for both documents
	fetchWait   = 150 * time.Millisecond // a request waits no longer for keys
	fetchBytes  = 256 << 10
	mostKeys    = 64
)

// A keySet is the public keys of another issuer. A request never waits long for
// them, and nobody can make us fetch them often.
type keySet struct {
	issuer string
	client *http.Client
	now    func() time.Time
	ended  func(error)   // is told of each fetch
	asked  *rate.Limiter // fetches for the sake of unknown kids

	mu      sync.Mutex
	keys    map[string]verifyKey
	fetched time.Time     // when keys were last got
	flight  chan struct{} // closed when the fetch under way ends; nil if there is none
}

func newKeySet(o External) *keySet {
	client := http.Client{Transport: http.DefaultTransport, Timeout: fetchLimit}
	if o.HTTP != nil {
		client = *o.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("no detours") }
	client.Transport = bounded{client.Transport}
	return &keySet{issuer: o.Issuer, client: &client, now: o.Now, ended: o.Fetched, asked: rate.NewLimiter(rate.Every(unknownKids), 1)}
}

// bounded lets only plain requests over TLS out, and only so much in.
type bounded struct{ http.RoundTripper }

// RoundTrip refuses anything but https.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, errors.New("keys are fetched over https only")
	}
	inner := b.RoundTripper
	if inner == nil {
		inner = http.DefaultTransport
	}
	answer, err := inner.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, fetchBytes), answer.Body}
	}
	return answer, err
}

// run fetches at once, and then whenever the keys are no longer fresh.
func (s *keySet) run(ctx context.Context) {
	t := time.NewTicker(keysFresh)
	defer t.Stop()
	for {
		s.refresh(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// known finds a key without any waiting.
func (s *keySet) known(kid string) (verifyKey, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.keys[kid]
	return k, ok && s.now().Before(s.fetched.Add(keysGood))
}

// find is known, but an unknown kid may be a new one: unless somebody has just
// asked, it waits a moment for fresh keys.
func (s *keySet) find(ctx context.Context, kid string) (verifyKey, bool) {
	if k, ok := s.known(kid); ok {
		return k, true
	}
	if s.asked.AllowN(s.now(), 1) {
		ctx, cancel := context.WithTimeout(ctx, fetchWait)
		defer cancel()
		s.refresh(ctx)
	}
	return s.known(kid)
}

// refresh fetches the keys, or waits for whoever is about to. The fetch goes on
// when the caller leaves.
func (s *keySet) refresh(ctx context.Context) {
	s.mu.Lock()
	flight := s.flight
	if flight == nil {
		flight = make(chan struct{})
		s.flight = flight
		go s.fetch(context.WithoutCancel(ctx), flight)
	}
	s.mu.Unlock()
	select {
	case <-flight:
	case <-ctx.Done():
	}
}

// fetch keeps the last good keys when it fails, and tells how it ended.
func (s *keySet) fetch(ctx context.Context, flight chan struct{}) {
	defer close(flight)
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	keys, err := s.get(ctx)
	s.ended(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	if err == nil {
		s.keys, s.fetched = keys, s.now()
	}
}

// get asks the issuer where its keys are, and then for them.
func (s *keySet) get(ctx context.Context) (map[string]verifyKey, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, s.client), s.issuer)
	if err != nil {
		return nil, err
	}
	var found struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := provider.Claims(&found); err != nil {
		return nil, err
	}
	if u, err := url.Parse(found.JWKS); err != nil || u.Scheme != "https" {
		return nil, errors.New("no https address of keys")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, found.JWKS, nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("keys were answered with %d", answer.StatusCode)
	}
	return readKeys(answer.Body)
}

// readKeys takes the keys of a set that tokens can be verified with. A key that
// does not say its algorithm gets the only one of ours it can be for.
func readKeys(r io.Reader) (map[string]verifyKey, error) {
	var set struct {
		Keys []domain.PublicKey `json:"keys"`
	}
	if err := json.NewDecoder(r).Decode(&set); err != nil {
		return nil, err
	}
	if len(set.Keys) > mostKeys {
		return nil, errors.New("too many keys")
	}
	usual := map[string]string{"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
	keys := map[string]verifyKey{}
	var wrong error // with the last of those that cannot be used
	for _, k := range set.Keys {
		if k.Alg == "" {
			k.Alg = usual[k.Kty]
		}
		usable, err := importKey(k)
		if err != nil {
			wrong = err
			continue
		}
		keys[k.Kid] = usable
	}
	if len(keys) == 0 {
		return nil, errors.Join(errors.New("no key that can be used"), wrong)
	}
	return keys, nil
}
