package auth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/auth"
)

// linked is somebody else's fact about who a subject is.
type linked struct {
	issuer, subject string
	user            domain.UserID
}

func (l linked) Identifies() (user domain.UserID, issuer, subject string) {
	return l.user, l.issuer, l.subject
}

// A foreign issuer serves its discovery document and its keys.
type foreign struct {
	*world
	server  *httptest.Server
	trusted *auth.Trusted
	keys    atomic.Value // []domain.PublicKey
	fetches atomic.Int64
	down    atomic.Bool
	told    []error // how each fetch has ended
}

func newForeign(t *testing.T, change func(*auth.External)) *foreign {
	t.Helper()
	f := &foreign{}
	f.keys.Store([]domain.PublicKey{firstKey().Public})
	mux := http.NewServeMux()
	f.server = httptest.NewTLSServer(mux)
	t.Cleanup(f.server.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": f.server.URL, "jwks_uri": f.server.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		if f.fetches.Add(1); f.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": f.keys.Load()})
	})
	o := auth.External{Issuer: f.server.URL, Audience: issuer, HTTP: f.server.Client(), Now: func() time.Time { return f.clock() }, Fetched: func(err error) { f.told = append(f.told, err) }}
	if change != nil {
		change(&o)
	}
	f.world = &world{now: noon}
	f.trusted = auth.Trust(o)
	f.world = newWorld(t, f.trusted)
	f.trusted.Refresh(t.Context())
	f.tell("user-x", linked{f.server.URL, "ann@idp", ann})
	return f
}

func (f *foreign) claimed() string {
	return fmt.Sprintf(`{"iss":"%s","aud":"%s","sub":"ann@idp","iat":%d,"exp":%d}`, f.server.URL, issuer, noon.Unix(), noon.Unix()+3600)
}

func TestAForeignToken(t *testing.T) {
	f := newForeign(t, nil)
	all := domain.PermissionsOf(domain.AllPermissions...)
	for name, c := range map[string]struct {
		header, claims string
		scopes         domain.Permissions // none: refused
	}{
		"a good one":               {f.goodHeader(), f.claimed(), all},
		"for less":                 {f.goodHeader(), swapped(f.claimed(), `{`, `{"scope":"openid auth:flag:read",`), domain.PermissionsOf(domain.FlagRead)},
		"for nothing that is":      {f.goodHeader(), swapped(f.claimed(), `{`, `{"scope":"auth:of:tomorrow",`), 0},
		"for scopes of its own":    {f.goodHeader(), swapped(f.claimed(), `{`, `{"scope":"openid email",`), all},
		"with the longer type":     {swapped(f.goodHeader(), "at+jwt", "application/at+jwt"), f.claimed(), all},
		"an ID token":              {swapped(f.goodHeader(), "at+jwt", "JWT"), f.claimed(), 0},
		"an ID token in disguise":  {f.goodHeader(), swapped(f.claimed(), `{`, `{"nonce":"n",`), 0},
		"for somebody else":        {f.goodHeader(), swapped(f.claimed(), `"aud":"`+issuer, `"aud":"https://other.example`), 0},
		"of somebody unknown":      {f.goodHeader(), swapped(f.claimed(), "ann@idp", "bob@idp"), 0},
		"that lives too long":      {f.goodHeader(), swapped(f.claimed(), fmt.Sprint(noon.Unix()+3600), fmt.Sprint(noon.Unix()+3601)), 0},
		"that names ours as maker": {f.goodHeader(), swapped(f.claimed(), f.server.URL, issuer), 0},
		"with an unknown key":      {swapped(f.goodHeader(), f.kid, "unknown"), f.claimed(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := f.verifier.Token(t.Context(), f.spelled(c.header, c.claims))
			if name == "for nothing that is" {
				if err != nil || p.Scopes != 0 {
					t.Error(p, err)
				}
				return
			}
			if c.scopes == 0 {
				if !errors.Is(err, auth.ErrInvalid) {
					t.Error(p, err)
				}
				return
			}
			want := auth.Principal{ID: string(ann), Type: auth.User, Node: domain.PlatformID, Scopes: c.scopes, Expires: noon.Add(time.Hour)}
			if err != nil || p != want {
				t.Error(p, err)
			}
		})
	}
	t.Run("when the link ends", func(t *testing.T) {
		f.tell("user-x", linked{f.server.URL, "ann@idp", "somebody else"})
		if _, err := f.verifier.Token(t.Context(), f.spelled(f.goodHeader(), f.claimed())); !errors.Is(err, auth.ErrInvalid) {
			t.Error(err)
		}
	})
}

// Scopes that cannot be read are not the same as none: those would be good for
// everything that the issuer may give.
func TestForeignScopes(t *testing.T) {
	f := newForeign(t, nil)
	all, read := domain.PermissionsOf(domain.AllPermissions...), domain.PermissionsOf(domain.FlagRead)
	for says, want := range map[string]domain.Permissions{
		`"scope":"auth:flag:read"`:          read,
		`"scp":"auth:flag:read"`:            read,
		`"scp":"openid auth:flag:read"`:     read,
		`"scp":["openid","auth:flag:read"]`: read,
		`"scp":["openid"]`:                  all,
		`"scope":"auth:flag:read auth:quota:read","scp":["auth:flag:read"]`: read,
		`"scope":["auth:flag:read"]`:                                        0,
		`"scope":["openid"]`:                                                0,
		`"scope":{}`:                                                        0,
		`"scope":null`:                                                      0,
		`"scope":7`:                                                         0,
		`"scope":""`:                                                        0,
		`"scope":" auth:flag:read"`:                                         0,
		`"scope":"openid  auth:flag:read"`:                                  0,
		`"scope":"openid\tauth:flag:read"`:                                  0,
		`"scope":"openid\u00a0auth:flag:read"`:                              0,
		`"scp":[]`:                                                          0,
		`"scp":[null]`:                                                      0,
		`"scp":["openid auth:flag:read"]`:                                   0,
		`"scp":[["auth:flag:read"]]`:                                        0,
		`"scp":{"auth:flag:read":true}`:                                     0,
		`"scope":"openid","scp":7`:                                          0,
	} {
		p, err := f.verifier.Token(t.Context(), f.spelled(f.goodHeader(), swapped(f.claimed(), `{`, `{`+says+`,`)))
		if p.Scopes != want || (want == 0) != errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v %v", says, p.Scopes.List(), err)
		}
	}
}

func TestAnIssuerOfAnotherKind(t *testing.T) {
	f := newForeign(t, func(o *auth.External) {
		o.Type, o.Subject, o.Scopes = "JWT", "oid", domain.PermissionsOf(domain.FlagRead)
	})
	text := f.spelled(swapped(f.goodHeader(), "at+jwt", "JWT"), swapped(f.claimed(), `"sub":"ann@idp"`, `"sub":"?","oid":"ann@idp"`))
	if p, err := f.verifier.Token(t.Context(), text); err != nil || p.Scopes != domain.PermissionsOf(domain.FlagRead) {
		t.Error(p, err)
	}
}

// A key that its issuer took away is no good any more; one that is new is found
// when it is first used.
func TestForeignKeysFollowEachOther(t *testing.T) {
	f := newForeign(t, nil)
	text := f.spelled(f.goodHeader(), f.claimed())
	if _, err := f.verifier.Token(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	renamed := firstKey().Public
	renamed.Kid = "next"
	f.keys.Store([]domain.PublicKey{renamed})
	if _, err := f.verifier.Token(t.Context(), f.spelled(swapped(f.goodHeader(), f.kid, "next"), f.claimed())); err != nil {
		t.Error("the new key:", err)
	}
	if _, err := f.verifier.Token(t.Context(), text); !errors.Is(err, auth.ErrInvalid) {
		t.Error("the old key:", err)
	}
}

// What the issuer has replaced, and be it under the same name, is no good any more,
// also for tokens that were believed before.
func TestAForeignKeyIsReplacedUnderItsName(t *testing.T) {
	f := newForeign(t, nil)
	text := f.spelled(f.goodHeader(), f.claimed())
	replace := func(k domain.PublicKey) error {
		k.Kid = f.kid
		f.keys.Store([]domain.PublicKey{k})
		f.trusted.Refresh(t.Context())
		_, err := f.verifier.Token(t.Context(), text)
		return err
	}
	another, err := f.sealer.Forge("RS256")
	if err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]struct {
		key  domain.PublicKey
		want error
	}{"the same": {firstKey().Public, nil}, "another": {another.Public, auth.ErrInvalid}} {
		if err := replace(firstKey().Public); err != nil {
			t.Fatal("before:", err)
		}
		if err := replace(step.key); !errors.Is(err, step.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNobodyMakesUsFetchKeysOften(t *testing.T) {
	f := newForeign(t, nil)
	before := f.fetches.Load()
	for i := range 1000 {
		_, _ = f.verifier.Token(t.Context(), b64(swapped(f.goodHeader(), f.kid, fmt.Sprint("kid", i)))+"."+b64(f.claimed())+".AAAA")
		f.pass(time.Millisecond)
	}
	if n := f.fetches.Load() - before; n > 1 {
		t.Errorf("%d fetches within a second", n)
	}
	f.pass(auth.UnknownKids)
	_, _ = f.verifier.Token(t.Context(), f.spelled(swapped(f.goodHeader(), f.kid, "another"), f.claimed()))
	if n := f.fetches.Load() - before; n != 2 {
		t.Errorf("%d fetches after half a minute", n)
	}
}

// Nobody learns from an answer why a token was not believed, so whoever looks after
// the server is told when the keys stay away.
func TestWhoeverLooksAfterItHearsOfEveryFetch(t *testing.T) {
	f := newForeign(t, nil)
	bad := firstKey().Public
	bad.N = "AQAB"
	for _, step := range []struct {
		down bool
		keys []domain.PublicKey
		says string
	}{{false, []domain.PublicKey{firstKey().Public}, ""}, {true, nil, "502"}, {false, []domain.PublicKey{bad}, "no key that can be used"}, {false, []domain.PublicKey{bad, firstKey().Public}, ""}} {
		f.down.Store(step.down)
		f.keys.Store(step.keys)
		before := len(f.told)
		f.trusted.Refresh(t.Context())
		if len(f.told) != before+1 {
			t.Fatal(f.told)
		}
		if err := f.told[before]; step.says == "" && err != nil || step.says != "" && (err == nil || !strings.Contains(err.Error(), step.says)) {
			t.Errorf("%+v: %v", step, err)
		}
	}
}

func TestTheLastGoodKeysAreKeptForADay(t *testing.T) {
	f := newForeign(t, nil)
	f.down.Store(true)
	again := func(jti string) error {
		now := f.clock().Unix()
		claims := fmt.Sprintf(`{"iss":"%s","aud":"%s","sub":"ann@idp","iat":%d,"exp":%d,"jti":"%s"}`, f.server.URL, issuer, now, now+60, jti)
		_, err := f.verifier.Token(t.Context(), f.spelled(f.goodHeader(), claims))
		return err
	}
	f.pass(auth.KeysGood - time.Second)
	f.trusted.Refresh(t.Context())
	if err := again("a"); err != nil {
		t.Error(err)
	}
	f.pass(time.Second)
	if err := again("b"); !errors.Is(err, auth.ErrInvalid) {
		t.Error(err)
	}
}

// Keys are fetched over TLS, without detours, and in bounded size.
func TestWhereKeysAreNotFetched(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, string){
		"in the clear": func(w http.ResponseWriter, _ *http.Request, self string) {
			fmt.Fprintf(w, `{"issuer":"%s","jwks_uri":"%s/keys"}`, self, plain.URL)
		},
		"behind a redirect": func(w http.ResponseWriter, r *http.Request, self string) {
			http.Redirect(w, r, self+"/keys", http.StatusFound)
		},
		"as another issuer": func(w http.ResponseWriter, _ *http.Request, self string) {
			fmt.Fprintf(w, `{"issuer":"https://other.example","jwks_uri":"%s/keys"}`, self)
		},
		"behind a megabyte": func(w http.ResponseWriter, _ *http.Request, self string) {
			fmt.Fprintf(w, `{"padding":"%s","issuer":"%s","jwks_uri":"%s/keys"}`, strings.Repeat("x", 1<<20), self, self)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var server *httptest.Server
			var keys atomic.Int64
			server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/keys" {
					keys.Add(1)
					return
				}
				answer(w, r, server.URL)
			}))
			defer server.Close()
			trusted := auth.Trust(auth.External{Issuer: server.URL, Audience: issuer, HTTP: server.Client()})
			trusted.Refresh(t.Context())
			if keys.Load() > 0 {
				t.Error("they were fetched")
			}
		})
	}
}
