package estate

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// An API is how an estate talks to Reeve: the same public API that everybody
// uses. Body is nil where a request has none.
type API interface {
	Call(ctx context.Context, method, path string, body any, r Request) (Receipt, error)
	Get(ctx context.Context, path string, answer any) error
}

// A Request is what goes beside the body of a command.
type Request struct {
	Key     string // idempotency key
	Reason  string
	Because string // correlation id
}

// A Receipt is what a command answers.
type Receipt struct {
	ID       string `json:"id"`
	Position uint64 `json:"position"`
}

// What there is, as the query API tells it.
type (
	integrator struct {
		ID             string    `json:"id"`
		Kind           string    `json:"kind"`
		BusinessName   string    `json:"businessName"`
		PartnerID      string    `json:"partnerId"`
		Contacts       []Contact `json:"contacts"`
		OnboardingDate time.Time `json:"onboardingDate"`
		Lifecycle      string    `json:"lifecycle"`
		StopReason     string    `json:"stopReason"`
		Revision       int64     `json:"revision"`
	}
	tenant struct {
		ID         string    `json:"id"`
		Slug       string    `json:"slug"`
		Name       string    `json:"name"`
		Kind       string    `json:"kind"`
		Integrator string    `json:"integratorId"`
		Contacts   []Contact `json:"contacts"`
		Status     string    `json:"status"`
		Causes     []string  `json:"suspensionCauses"`
		Revision   int64     `json:"revision"`
	}
	quota struct {
		Tenant   string `json:"tenantId"`
		Meter    string `json:"meter"`
		Revision int64  `json:"revision"`
		Quota
	}
	flag struct {
		Key         string                     `json:"key"`
		Type        string                     `json:"type"`
		Default     json.RawMessage            `json:"default"`
		Off         json.RawMessage            `json:"off"`
		Variants    map[string]json.RawMessage `json:"variants"`
		Mode        string                     `json:"mode"`
		Description string                     `json:"description"`
		Owner       string                     `json:"owner"`
		Tags        []string                   `json:"tags"`
		Exposed     bool                       `json:"exposed"`
		Levels      []string                   `json:"levels"`
		Optional    bool                       `json:"optional"`
		Expires     string                     `json:"expires"`
		State       string                     `json:"status"`
		Revision    int64                      `json:"revision"`

		Prerequisites json.RawMessage `json:"prerequisites"`
	}
	segment struct {
		Key         string          `json:"key"`
		Description string          `json:"description"`
		Included    []string        `json:"included"`
		Excluded    []string        `json:"excluded"`
		Any         json.RawMessage `json:"any"`
		Retired     bool            `json:"retired"`
		Revision    int64           `json:"revision"`
	}
	featureSet struct {
		Key         string          `json:"key"`
		Description string          `json:"description"`
		Edition     int             `json:"edition"`
		Features    json.RawMessage `json:"features"`
		Retired     bool            `json:"retired"`
		Revision    int64           `json:"revision"`
	}
	assignment struct {
		Node    string `json:"node"`
		Set     string `json:"set"`
		Edition int    `json:"edition"`
	}
	approvalRule struct {
		Node      string `json:"node"`
		Approvals int    `json:"approvals"`
		Below     bool   `json:"below"`
		Revision  int64  `json:"revision"`
	}
	override struct {
		Node       string          `json:"node"`
		Level      string          `json:"level"`
		Parent     string          `json:"parent"`
		Flag       string          `json:"flag"`
		Value      json.RawMessage `json:"value"`
		Variant    string          `json:"variant"`
		Rules      json.RawMessage `json:"rules"`
		Split      json.RawMessage `json:"split"`
		ValidFrom  *time.Time      `json:"validFrom"`
		ValidUntil *time.Time      `json:"validUntil"`
		Locked     bool            `json:"locked"`
		Set        string          `json:"featureSet"`
		SaidBy     struct {
			Reason string `json:"reason"`
		} `json:"saidBy"`
	}
)

// direct is the built-in integrator's id and its name in files.
const (
	directID   = "00000000-0000-4000-8000-00000000d1ec"
	directName = "direct"
)

// A world is everything that an estate file can speak of, by the names files use.
type world struct {
	integrators map[string]integrator // by business name
	tenants     map[string]tenant     // by slug
	quotas      map[string]quota      // by <tenant id>/<meter>
	segments    map[string]segment    // by key
	flags       map[string]flag       // by key
	overrides   map[string]override   // by <node id>/<flag>

	sets        map[string]featureSet   // by key
	assignments map[string]assignment   // by <node id>/<set>
	rules       map[string]approvalRule // by node id
}

// look reads the world through the query API.
func look(ctx context.Context, api API) (*world, error) {
	w := &world{map[string]integrator{}, map[string]tenant{}, map[string]quota{}, map[string]segment{}, map[string]flag{}, map[string]override{},
		map[string]featureSet{}, map[string]assignment{}, map[string]approvalRule{}}
	w.integrators[directName] = integrator{ID: directID, Lifecycle: "active"}
	err := each(ctx, api, "/v1/integrators", func(i integrator) {
		if i.ID != directID && i.Lifecycle != "offboarded" {
			w.integrators[i.BusinessName] = i
		}
	})
	if err == nil {
		err = each(ctx, api, "/v1/tenants", func(t tenant) {
			if t.Status != "deleted" {
				w.tenants[t.Slug] = t
			}
		})
	}
	for _, slug := range sorted(w.tenants) {
		if err == nil {
			err = each(ctx, api, "/v1/tenants/"+w.tenants[slug].ID+"/quotas", func(q quota) { w.quotas[q.Tenant+"/"+q.Meter] = q })
		}
	}
	if err == nil {
		err = each(ctx, api, "/v1/segments", func(s segment) { w.segments[s.Key] = s })
	}
	if err == nil {
		err = each(ctx, api, "/v1/flags", func(f flag) { w.flags[f.Key] = f })
	}
	if err == nil {
		err = each(ctx, api, "/v1/flag-overrides", func(o override) { w.overrides[o.Node+"/"+o.Flag] = o })
	}
	if err == nil {
		err = w.lookAtSets(ctx, api)
	}
	return w, err
}

// each walks all pages of a list.
func each[T any](ctx context.Context, api API, path string, use func(T)) error {
	for after := ""; ; {
		var page struct {
			Items []T    `json:"items"`
			Next  string `json:"next"`
		}
		if err := api.Get(ctx, path+"?limit=200&after="+url.QueryEscape(after), &page); err != nil {
			return err
		}
		for _, item := range page.Items {
			use(item)
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}
