package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// Whoever guesses uses up what its address may do, at every door. Behind the same
// address those who are known are answered as if nothing were.
func TestGuessesKeepNoNeighboursOut(t *testing.T) {
	m := newManor(t)
	m.RateAnonymous = edge.Rate{PerSecond: 1.0 / 3600, Burst: 6}
	client := m.register(m.mine["tenant"], domain.PermissionsOf(domain.TenantRead))
	tenants, evaluation, grant := "GET /v1/tenants", "POST /ofrep/v1/evaluate/flags", "POST /oauth2/token"
	for name, guess := range map[string][3]string{
		"a token":           {tenants, "Bearer x", ""},
		"a key":             {evaluation, "Bearer rvk_x", "{}"},
		"a secret":          {grant, "Basic " + basic(client.ID, "x"), "grant_type=client_credentials"},
		"a bootstrap token": {"POST /v1/bootstrap", "", `{"token":"rvb_x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			h := m.routes() // with limits of its own
			for i, step := range []struct {
				line, as, body string
				want           int
			}{
				{guess[0], guess[1], guess[2], 401},
				{guess[0], guess[1], guess[2], 401},
				{guess[0], guess[1], guess[2], 429},
				{tenants, "Bearer " + m.world.token, "", 200},
				{evaluation, m.callers["evaluation key"], "{}", 200},
				{grant, "Basic " + basic(client.ID, client.Secret), "grant_type=client_credentials", 200},
				{"GET /openapi.json", "", "", 429},
				{guess[0], guess[1], guess[2], 429},
			} {
				method, path, _ := strings.Cut(step.line, " ")
				r := httptest.NewRequest(method, path, strings.NewReader(step.body))
				r.Header.Set("Content-Type", "application/json")
				if strings.HasPrefix(path, "/oauth2/") {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				if step.as != "" {
					r.Header.Set("Authorization", step.as)
				}
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); w.Code != step.want || (w.Code == http.StatusTooManyRequests) != (w.Header().Get("Retry-After") != "") {
					t.Errorf("step %d, %s: %d, Retry-After %q", i+1, step.line, w.Code, w.Header().Get("Retry-After"))
				}
			}
		})
	}
}

func basic(id, secret string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(id, secret)
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
}
