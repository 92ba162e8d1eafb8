// Package flagd holds Reeve against the official provider of OpenFeature for flagd, in
// both of its modes. It is a module of its own, so that nobody else needs what the
// provider needs.
package flagd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	flagd "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk/openfeature"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// A reeve is one that runs, with the demo estate and an administrator's token.
type reeve struct {
	*testing.T
	addr, token string
}

func run(t *testing.T) reeve {
	t.Helper()
	dir, addr, any := t.TempDir(), "", "127.0.0.1:0"
	c := exec.Command("../../bin/reeve", "dev", "--demo")
	c.Env = append(os.Environ(), "REEVE_DATA_DIR="+dir, "REEVE_HTTP_ADDR="+any, "REEVE_ADMIN_ADDR="+any, "REEVE_LOG_ADDR="+any)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == "API" {
			addr = strings.TrimPrefix(words[1], "http://")
		}
	}
	go func() {
		for lines.Scan() {
		}
	}()
	token, err := exec.Command("../../bin/reeve", "token", "mint", "--server", "http://"+addr, "--credentials", filepath.Join(dir, "credentials.json")).Output()
	if err != nil {
		t.Fatal(err)
	}
	return reeve{t, addr, strings.TrimSpace(string(token))}
}

func (r reeve) do(method, path, body string) {
	r.Helper()
	q, err := http.NewRequest(method, "http://"+r.addr+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+r.token)
	q.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		r.Fatalf("%s %s: %d", method, path, res.StatusCode)
	}
}

// client is that of a provider which is ready, and what it says has changed.
func (r reeve) client(domain string, o ...flagd.ProviderOption) (*openfeature.Client, <-chan []string) {
	r.Helper()
	p, err := flagd.NewProvider(o...)
	if err != nil {
		r.Fatal(err)
	}
	changes := make(chan []string, 64)
	heard := func(e openfeature.EventDetails) { changes <- e.FlagChanges }
	c := openfeature.NewClient(domain)
	c.AddHandler(openfeature.ProviderConfigChange, &heard)
	if err := openfeature.SetNamedProviderAndWait(domain, p); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(p.Shutdown)
	return c, changes
}

// bearer is how a client of gRPC proves who it is.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return false } // loopback

// until asks again with each change that is told, until the answer is what it must be.
func until(t *testing.T, changes <-chan []string, ask func() string, want string) {
	t.Helper()
	late := time.After(time.Minute)
	for ask() != want {
		select {
		case <-changes:
		case <-late:
			t.Fatalf("%s, want %s", ask(), want)
		}
	}
}

// The provider cannot be told of credentials in this mode: a proxy beside the
// application adds them, as one in a service mesh does.
func TestTheProviderHasFlagsEvaluated(t *testing.T) {
	r := run(t)
	to := &url.URL{Scheme: "http", Host: r.addr}
	beside := httptest.NewServer(&httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(q *httputil.ProxyRequest) {
		q.SetURL(to)
		q.Out.Header.Set("Authorization", "Bearer "+r.token)
	}})
	t.Cleanup(beside.Close)
	_, port, _ := net.SplitHostPort(beside.Listener.Addr().String())
	n, _ := strconv.ParseUint(port, 10, 16)
	c, changes := r.client("rpc", flagd.WithRPCResolver(), flagd.WithHost("127.0.0.1"), flagd.WithPort(uint16(n)))
	language := func(tenant string) string {
		d, err := c.StringValueDetails(t.Context(), "default-language", "?", openfeature.NewEvaluationContext("", map[string]any{"tenantId": tenant}))
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%q %s", d.Value, d.Reason)
	}
	for range 2 { // the second time a cache may have an opinion
		for tenant, want := range map[string]string{"gdansk-port": `"pl" DEFAULT`, "blue-bakery": `"en" DEFAULT`} {
			if got := language(tenant); got != want {
				t.Errorf("%s: %s, want %s", tenant, got, want)
			}
		}
	}
	about := openfeature.NewEvaluationContext("", map[string]any{"tenantId": "blue-bakery"})
	if d, _ := c.BooleanValueDetails(t.Context(), "no-such-flag", true, about); d.ErrorCode != openfeature.FlagNotFoundCode || !d.Value {
		t.Errorf("no such flag: %+v", d)
	}
	if d, _ := c.BooleanValueDetails(t.Context(), "default-language", true, about); d.ErrorCode != openfeature.TypeMismatchCode || !d.Value {
		t.Errorf("another type: %+v", d)
	}
	r.do("POST", "/v1/flags/default-language/kill", "")
	select {
	case named := <-changes:
		if !strings.Contains(fmt.Sprint(named), "default-language") {
			t.Errorf("%v have changed", named)
		}
	case <-time.After(time.Minute):
		t.Error("no change is told of")
	}
	until(t, changes, func() string { return language("gdansk-port") }, `"" DISABLED`)
}

func TestTheProviderEvaluates(t *testing.T) {
	r := run(t)
	_, port, _ := net.SplitHostPort(r.addr)
	n, _ := strconv.ParseUint(port, 10, 16)
	c, changes := r.client("in-process", flagd.WithInProcessResolver(), flagd.WithHost("127.0.0.1"), flagd.WithPort(uint16(n)), flagd.WithSelector("gdansk-port"),
		flagd.WithGrpcDialOptionsOverride([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer(r.token))}))
	language := func() string {
		d, err := c.StringValueDetails(t.Context(), "default-language", "?", openfeature.NewEvaluationContext("", nil))
		if err != nil {
			return err.Error()
		}
		return d.Value
	}
	until(t, changes, language, "pl")
	if d, _ := c.BooleanValueDetails(t.Context(), "no-such-flag", true, openfeature.NewEvaluationContext("", nil)); d.ErrorCode != openfeature.FlagNotFoundCode {
		t.Errorf("no such flag: %+v", d)
	}
	r.do("POST", "/v1/flags/default-language/kill", "")
	until(t, changes, language, "") // which is its off value, and not the "?" of the code
}

// Whoever is asked about, both evaluators have one answer, or the client's has none.
func TestBothEvaluatorsAgree(t *testing.T) {
	r := run(t)
	_, port, _ := net.SplitHostPort(r.addr)
	n, _ := strconv.ParseUint(port, 10, 16)
	compared, left := 0, 0
	for _, tenant := range []string{"gdansk-port", "blue-bakery", "kiosk-north", "villa-roma", "oslo-water"} {
		c, changes := r.client("agree-"+tenant, flagd.WithInProcessResolver(), flagd.WithHost("127.0.0.1"), flagd.WithPort(uint16(n)), flagd.WithSelector(tenant),
			flagd.WithGrpcDialOptionsOverride([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer(r.token))}))
		until(t, changes, func() string {
			d, _ := c.StringValueDetails(t.Context(), "default-language", "?", openfeature.NewEvaluationContext("", nil))
			return strconv.FormatBool(d.ErrorCode == "")
		}, "true")
		for i := range 20 {
			attributes := map[string]any{"plan": []string{"free", "gold", "enterprise"}[i%3], "country": []string{"pl", "no", "it"}[i%2], "beta": i%2 == 0, "age": i}
			about := openfeature.NewEvaluationContext(fmt.Sprint("somebody-", i), attributes)
			for _, f := range r.evaluated(tenant, about) {
				got, code := valueOf(t, c, f, about)
				if code == openfeature.FlagNotFoundCode {
					left++
					continue
				}
				if want := fmt.Sprint(f.Value); code != "" || got != want {
					t.Errorf("%s at %s for %v: %s %s, want %s", f.Key, tenant, attributes, got, code, want)
				}
				compared++
			}
		}
	}
	if compared < 500 || left == 0 {
		t.Errorf("%d answers are compared, %d left out", compared, left)
	}
}

type evaluated struct {
	Key   string
	Value any
}

// evaluated are the flags as Reeve answers over OFREP.
func (r reeve) evaluated(tenant string, about openfeature.EvaluationContext) []evaluated {
	r.Helper()
	attributes := about.Attributes()
	attributes["tenantId"], attributes["targetingKey"] = tenant, about.TargetingKey()
	body, err := json.Marshal(map[string]any{"context": attributes})
	if err != nil {
		r.Fatal(err)
	}
	q, err := http.NewRequest("POST", "http://"+r.addr+"/ofrep/v1/evaluate/flags", bytes.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+r.token)
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	var all struct{ Flags []evaluated }
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil || len(all.Flags) == 0 {
		r.Fatalf("%d %v", res.StatusCode, err)
	}
	return all.Flags
}

// valueOf is what the provider makes of a flag.
func valueOf(t *testing.T, c *openfeature.Client, f evaluated, about openfeature.EvaluationContext) (string, openfeature.ErrorCode) {
	switch f.Value.(type) {
	case bool:
		d, _ := c.BooleanValueDetails(t.Context(), f.Key, false, about)
		return fmt.Sprint(d.Value), d.ErrorCode
	case string:
		d, _ := c.StringValueDetails(t.Context(), f.Key, "", about)
		return d.Value, d.ErrorCode
	case float64:
		d, _ := c.FloatValueDetails(t.Context(), f.Key, 0, about)
		return fmt.Sprint(d.Value), d.ErrorCode
	}
	d, _ := c.ObjectValueDetails(t.Context(), f.Key, nil, about)
	return fmt.Sprint(d.Value), d.ErrorCode
}
