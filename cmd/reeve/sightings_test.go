package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/security"
)

// A sighting is a record of refusals, and when it was written.
type sighting struct {
	security.Observed
	at time.Time
}

// sightings are those in the log so far.
func (m *manor) sightings() (all []sighting) {
	m.t.Helper()
	for e, err := range m.store.Dump(context.Background(), 0, math.MaxInt64) {
		if err != nil {
			m.t.Fatal(err)
		}
		if e.Type != "SecurityObserved" {
			continue
		}
		var s sighting
		var meta domain.Meta
		if err := json.Unmarshal(e.Data, &s.Observed); err != nil || json.Unmarshal(e.Metadata, &meta) != nil {
			m.t.Fatal(err)
		}
		s.at = meta.At
		all = append(all, s)
	}
	return all
}

// sees waits for the record of something that was just refused.
func (m *manor) sees(want security.Observed, from uint64) (got sighting) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for page, err := range m.store.Pages(ctx, from, 100) {
		if err != nil {
			break
		}
		for _, e := range page.Events {
			if o, ok := e.Event.(security.Observed); ok && o.Kind == want.Kind && o.Operation == want.Operation {
				return sighting{o, e.Meta.At}
			}
		}
	}
	m.t.Fatalf("nothing of %+v", want)
	return
}

func (m *manor) head() uint64 {
	m.t.Helper()
	at, err := m.store.Head(context.Background())
	if err != nil {
		m.t.Fatal(err)
	}
	return at
}

// login asks for a token.
func (m *manor) login(id, secret string) int {
	m.t.Helper()
	r, err := http.NewRequest("POST", m.url+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
	status, _, _ := m.send(r)
	return status
}

// spaced: no two records of a kind at a node are less than a second apart.
func (m *manor) spaced(all []sighting) {
	m.t.Helper()
	last := map[string]time.Time{}
	for _, s := range all {
		at := string(s.Kind) + " " + string(s.Node)
		if d := s.at.Sub(last[at]); d < time.Second {
			m.t.Errorf("%s: records %v apart", at, d)
		}
		last[at] = s.at
	}
}

// await waits for the log to grow.
func (m *manor) await(from uint64) uint64 {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for page, err := range m.store.Pages(ctx, from, 100) {
		if err != nil {
			m.t.Fatal(err)
		}
		if page.To > from {
			return page.To
		}
	}
	m.t.Fatal("nothing comes any more")
	return from
}
