package readapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// OFREP answers evaluations of OpenFeature clients, exactly in the shapes of the
// OpenFeature Remote Evaluation Protocol, version 0.3.0. A context names whom
// flags are evaluated for: tenantId (an id or a slug) or integratorId the node,
// targetingKey a user of that tenant, or the tenant itself where tenantId is
// missing. A context that names nobody means the platform.
//
// The handler serves whole paths, from /ofrep/v1 on. Whose tells what the caller
// may see, which is all that can be named; now is asked once for each request.
func OFREP(s *Source, whose func(*http.Request) (domain.Scope, error), now func() time.Time) http.Handler {
	o := ofrep{s, whose, now}
	r := chi.NewRouter()
	r.Use(crossOrigin)
	r.Post("/ofrep/v1/evaluate/flags", o.bulk)
	r.Post("/ofrep/v1/evaluate/flags/{key}", o.single)
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		refusal{status: http.StatusNotFound, Code: generalError, Details: "there is nothing here"}.write(w, "")
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "POST, OPTIONS")
		refusal{status: http.StatusMethodNotAllowed, Code: generalError, Details: "flags are evaluated with POST"}.write(w, "")
	})
	return r
}

type ofrep struct {
	source *Source
	whose  func(*http.Request) (domain.Scope, error)
	now    func() time.Time
}

// asked tells whom flags are evaluated for, and what the caller may see.
func (o ofrep) asked(w http.ResponseWriter, r *http.Request) (subject, *refusal) {
	scope, err := o.whose(r)
	if err != nil {
		if f, ok := edge.RefusalOf(err); ok {
			f.Operation = "POST /ofrep/v1/evaluate/flags"
			f.Report(r)
		}
		return subject{}, refused(err)
	}
	who, no := readSubject(w, r)
	who.bind(scope)
	who.view = View{Name: "ofrep", Scope: scope, Trace: edge.TraceID(r.Context())}
	return who, no
}

// single evaluates one flag.
func (o ofrep) single(w http.ResponseWriter, r *http.Request) {
	key := chi.URLParam(r, "key")
	who, no := o.asked(w, r)
	if no != nil {
		no.write(w, key)
		return
	}
	var list []evaluation
	if utf8.ValidString(key) && !strings.ContainsRune(key, 0) {
		list, no = o.evaluate(r.Context(), who, key)
	}
	if no == nil && len(list) == 0 {
		no = &refusal{status: http.StatusNotFound, Code: flagNotFound, Details: "there is no such flag"}
	}
	if no != nil {
		no.write(w, key)
		return
	}
	writeJSON(w, http.StatusOK, list[0])
}

// bulk evaluates every flag. Its ETag covers the context too, because a client
// that asks for somebody else must not be told that nothing has changed.
func (o ofrep) bulk(w http.ResponseWriter, r *http.Request) {
	who, no := o.asked(w, r)
	if no != nil {
		no.write(w, "")
		return
	}
	list, no := o.evaluate(r.Context(), who, "")
	if no != nil {
		no.write(w, "")
		return
	}
	body, err := json.Marshal(struct {
		Flags []evaluation `json:"flags"`
	}{nonNil(list)})
	if err != nil {
		refused(err).write(w, "")
		return
	}
	tag := etag(append(who.canonical, strings.Join(who.view.Scope.Paths, " ")...), body)
	w.Header().Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeJSON(w, http.StatusOK, json.RawMessage(body))
}

func etag(context, body []byte) string {
	h := sha256.New()
	h.Write(context)
	h.Write([]byte{0})
	h.Write(body)
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`
}

func matches(header, tag string) bool {
	for given := range strings.SplitSeq(header, ",") {
		given = strings.TrimPrefix(strings.TrimSpace(given), "W/")
		if given == tag || given == "*" {
			return true
		}
	}
	return false
}

// evaluate answers one flag, or all if key is empty. One statement finds the
// node and the resolved flags there; only a user with a say of its own costs a
// second one.
func (o ofrep) evaluate(ctx context.Context, who subject, key string) ([]evaluation, *refusal) {
	now := o.now()
	var rows []settled
	_, err := o.source.Read(ctx, who.view, func(ctx context.Context, db DB) (err error) {
		rows, err = many[settled](ctx, db, settledSQL(key), key, who.Tenant, who.Slug, who.Integrator, who.Target, now)
		return err
	})
	if err != nil {
		return nil, refused(err)
	}
	if len(rows) == 0 {
		return nil, wrongContext("the context names a tenant or integrator that does not exist")
	}
	list, personal := make([]evaluation, 0, len(rows)), []string(nil)
	for _, row := range rows {
		if row.Flag == "" {
			continue
		}
		list = append(list, row.evaluation())
		if row.Personal {
			personal = append(personal, row.Flag)
		}
	}
	if len(personal) > 0 {
		err = o.personalise(ctx, list, personally{who.view, rows[0].Node, domain.UserID(*who.Target), personal, now})
	}
	if err != nil {
		return nil, refused(err)
	}
	return list, nil
}

// personally is what a user's own overrides are evaluated with.
type personally struct {
	view View
	node domain.NodeID
	user domain.UserID
	keys []string
	at   time.Time
}

// personalise evaluates again the flags that the user has a say about.
func (o ofrep) personalise(ctx context.Context, list []evaluation, p personally) error {
	var ladders ladders
	_, err := o.source.Read(ctx, p.view, func(ctx context.Context, db DB) (err error) {
		ladders, err = laddersOf(ctx, db, p.node, p.user, p.keys)
		return err
	})
	if err != nil {
		return err
	}
	for _, l := range ladders {
		if len(l.Line) == 0 {
			continue
		}
		e, by, err := ladders.evaluate(l, flag.Context{Key: string(p.user), User: p.user}, p.at)
		if err != nil {
			continue // archived since the first statement; the answer was true then
		}
		for n := range list {
			if list[n].Key == string(l.Key) {
				list[n] = outcome(e, by, l)
			}
		}
	}
	return nil
}

func outcome(e flag.Evaluation, by cascade.Origin, l ladder) evaluation {
	return settled{
		Flag: string(l.Key), Value: e.Value, Variant: e.Variant, Reason: string(e.Reason), Cause: string(e.Cause),
		Locked: e.Decision.Decider.Locked, Deprecated: l.Status == flag.StatusDeprecated,
		DeciderLevel: string(e.Decision.Decider.Level), DeciderNode: string(e.Decision.Decider.Node), DecidedByEvent: by.EventID,
	}.evaluation()
}

// settled is one resolved flag at the node that a context names.
type settled struct {
	Node           domain.NodeID
	Flag           string // empty if there is none to be found
	Personal       bool   // the user has a say about it
	Value          json.RawMessage
	Variant        string
	Reason         string
	Cause          string
	Locked         bool
	Deprecated     bool
	DeciderLevel   string
	DeciderNode    string
	DecidedByEvent uuid.UUID
}

// evaluation is the answer to the client. What the protocol has no member for
// goes into the metadata, which holds only flat values.
func (s settled) evaluation() evaluation {
	meta := map[string]any{"cause": s.Cause, "decidedBy": s.DecidedByEvent.String(), "locked": s.Locked}
	if s.DeciderLevel != "" {
		meta["level"], meta["node"] = s.DeciderLevel, s.DeciderNode
	}
	if s.Deprecated {
		meta["deprecated"] = true
	}
	return evaluation{Key: s.Flag, Value: s.Value, Reason: s.Reason, Variant: s.Variant, Metadata: meta}
}

func settledSQL(key string) string {
	if key == "" {
		return settledBulk
	}
	return settledOne
}

// The node is what the context names, or else the user's home, or else the
// tenant that the targeting key names, or else the platform.
const (
	settledHead = `with place(id, rank) as (
  select t.id::text, 1 from readmodel.tenants t where t.id = $2::uuid and t.status <> 'deleted'
  union all select t.id::text, 1 from readmodel.tenants t where t.slug = $3::text and t.status <> 'deleted'
  union all select i.id::text, 1 from readmodel.integrators i where $2::uuid is null and $3::text is null and i.id = $4::uuid and i.lifecycle <> 'offboarded'
  union all (select u.home, 2 from readmodel.users u where coalesce($2::text, $3::text, $4::text) is null and u.id = $5::text::uuid)
  union all (select o.parent, 3 from readmodel.flag_overrides o where coalesce($2::text, $3::text, $4::text) is null and o.node = $5::text and o.level = 'user' limit 1)
  union all select t.id::text, 4 from readmodel.tenants t where coalesce($2::text, $3::text, $4::text) is null and t.id = $5::text::uuid and t.status <> 'deleted'
  union all select 'platform', 5 where coalesce($2::text, $3::text, $4::text) is null)
select p.id as node, coalesce(r.flag, '') as flag,
exists (select 1 from readmodel.flag_overrides o where o.node = $5::text and o.level = 'user' and o.parent = p.id and o.flag = r.flag) as personal,
coalesce(r.value, 'null') as value, coalesce(r.variant, '') as variant, coalesce(r.reason, '') as reason, coalesce(r.cause, '') as cause,
coalesce(r.locked, false) as locked, coalesce(r.deprecated, false) as deprecated,
coalesce(r.decider_level, '') as decider_level, coalesce(r.decider_node, '') as decider_node, coalesce(r.decided_by_event, '00000000-0000-0000-0000-000000000000') as decided_by_event
from (select id from place order by rank limit 1) p
left join readmodel.resolved_flags r on r.node = p.id and coalesce(r.valid_from, '-infinity') <= $6::timestamptz and coalesce(r.valid_until, 'infinity') > $6::timestamptz`
	settledOne  = settledHead + ` and r.flag = $1::text`
	settledBulk = settledHead + ` and $1::text = '' order by r.flag`
)
