package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
)

// A patron gets tokens and uses them, as fast as it is served.
type patron struct {
	url, path string
	client    domain.Receipt
}

// once gets a token and uses it, and says which key it is signed with.
func (p patron) once() (kid, token string, err error) {
	r, err := http.NewRequest("POST", p.url+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		return "", "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(p.client.ID, p.client.Secret)
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := served200(r, &answer); err != nil {
		return "", "", err
	}
	return kidOf(answer.Token), answer.Token, p.use(answer.Token)
}

func (p patron) use(token string) error {
	r, err := http.NewRequest("GET", p.url+p.path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return served200(r, &struct{}{})
}

// served200 makes a request that has to succeed at the first attempt.
func served200(r *http.Request, into any) error {
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", r.URL.Path, res.StatusCode, body)
	}
	return errors.Join(err, json.Unmarshal(body, into))
}

func kidOf(token string) string {
	head, _, _ := strings.Cut(token, ".")
	b, _ := base64.RawURLEncoding.DecodeString(head)
	var h struct{ Kid string }
	_ = json.Unmarshal(b, &h)
	return h.Kid
}

// published are the keys that the server shows to the world.
func (m *manor) published() (kids []string) {
	m.t.Helper()
	_, _, body := m.ask("", probe{method: "GET", path: "/.well-known/jwks.json"})
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(body, &set); err != nil {
		m.t.Fatal(err)
	}
	for _, k := range set.Keys {
		kids = append(kids, k.Kid)
	}
	return kids
}

// A tally is what came of many requests.
type tally struct {
	mu     sync.Mutex
	failed []error
	tokens map[string]int // by the key they are signed with
}

func (c *tally) add(kid string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed = append(c.failed, err)
	}
	c.tokens[kid]++
}

// A key takes over from another while clients get tokens and use them: no request
// fails, each token is signed with a key that is published, and those of the old
// key stay good.
func TestRotationThroughTheAPI(t *testing.T) {
	m := newManor(t)
	m.settled(m.head())
	p := patron{m.url, "/v1/tenants/" + m.mine["tenant"], m.register(m.mine["tenant"], builtIn(access.TenantAdmin))}
	old, early, err := p.once()
	if err != nil {
		t.Fatal(err)
	}
	c := &tally{tokens: map[string]int{}}
	began, busy := time.Now(), make(chan struct{}, 4)
	var all sync.WaitGroup
	for range cap(busy) {
		all.Go(func() {
			for n, fresh := 0, 0; fresh < 50 && time.Since(began) < time.Minute; n++ {
				kid, _, err := p.once()
				c.add(kid, errors.Join(err, p.use(early)))
				if kid != old {
					fresh++
				}
				if n == 10 {
					busy <- struct{}{}
				}
			}
		})
	}
	for range cap(busy) {
		<-busy
	}
	m.do("POST", "/v1/signing-keys/rotate", `{"alg":"ES256"}`)
	kids := m.published()
	all.Wait()
	if got := m.published(); len(kids) != 2 || kids[0] != old || !slices.Equal(got, kids) {
		t.Errorf("published are %v, were %v; %s signed first", got, kids, old)
	}
	for _, err := range c.failed {
		t.Error(err)
	}
	if len(c.tokens) != 2 || c.tokens[kids[len(kids)-1]] == 0 {
		t.Errorf("tokens by key: %v; published %v", c.tokens, kids)
	}
	t.Logf("%d tokens by the old key and %d by the new in %v; %d requests failed", c.tokens[old], c.tokens[kids[len(kids)-1]], time.Since(began).Round(time.Millisecond), len(c.failed))
}
