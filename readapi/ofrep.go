package readapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// MountOFREP has r answer evaluations of OpenFeature clients, exactly in the shapes of
// the OpenFeature Remote Evaluation Protocol, version 0.3.0. A context names whom
// flags are evaluated for: tenantId (an id or a slug) or integratorId the node, or
// both if the one hangs under the other; targetingKey a user of that tenant, or the
// tenant itself where tenantId is missing. A context that names nobody means the
// node that the caller is bound to, or else the platform.
//
// Answers come from the source's book of flags and from nothing else, so that they
// are there while the database and the log are not. Whose tells what the caller may
// see, which is all that can be named; now is asked once for each request. What is
// not there is left to r, and to the [edge.Dialect] of its path.
func MountOFREP(r chi.Router, s *Source, whose func(*http.Request) (domain.Scope, error), now func() time.Time) {
	o := ofrep{s, whose, now, newAnswers()}
	r = r.With(crossOrigin("Content-Type, Authorization, X-API-Key, If-None-Match, Last-Event-ID, Reeve-Min-Position", exposed))
	r.Post(bulkPath, o.bulk)
	r.Post(bulkPath+"/{key}", o.single)
	r.Get(streamPath, o.stream)
	for _, path := range [...]string{bulkPath, bulkPath + "/{key}", streamPath} {
		r.Options(path, anybodyAsks)
	}
}

// Paths of OFREP.
const (
	// EvaluatePath is below what flags are evaluated at.
	EvaluatePath = "/ofrep/v1/evaluate/"
	bulkPath     = EvaluatePath + "flags"
	streamPath   = "/ofrep/v1/stream"
)

// evaluating is what an evaluation is called in the record of refusals.
const evaluating = "POST /ofrep/v1/evaluate/flags"

type ofrep struct {
	source  *Source
	whose   func(*http.Request) (domain.Scope, error)
	now     func() time.Time
	answers *answers
}

// An asking is an evaluation under way: for whom, and for whom it may be.
type asking struct {
	subject
	scope domain.Scope
	seen  uint64 // position that the view shows at least
	at    time.Time
	view  flag.View // as of at
}

// asked finds whom flags are evaluated for. Leave gives back the room for the work.
func (o ofrep) asked(w http.ResponseWriter, r *http.Request) (a asking, leave func(), no *refusal) {
	scope, err := o.whose(r)
	if err != nil {
		return a, nil, &refusal{err: err}
	}
	a.scope = scope
	if a.subject, no = readSubject(r); no != nil {
		return a, nil, no
	}
	leave, no = o.begin(w.Header(), r, &a)
	return a, leave, no
}

// begin begins an evaluation for whom the context names, as far as the caller may see
// them: everything that is said in words of another protocol is asked here, too.
func (o ofrep) begin(h http.Header, r *http.Request, a *asking) (leave func(), no *refusal) {
	a.bind(a.scope)
	leave, err := edge.Enter(r.Context())
	if err != nil {
		return nil, &refusal{err: err}
	}
	if no = o.look(r, a); no != nil {
		leave()
		return nil, no
	}
	o.stamp(h, a)
	return leave, nil
}

// look finds the place that is asked about, as soon as the book has got as far as
// the caller wants.
func (o ofrep) look(r *http.Request, a *asking) *refusal {
	least, err := edge.MinPosition(r.Header)
	if err == nil {
		err = o.source.awaitBook(r.Context(), least)
	}
	if err != nil {
		return &refusal{err: plain(err)}
	}
	a.seen, a.at = o.source.seen(), o.now()
	node, ok := o.place(a)
	if ok {
		a.view, err = o.source.Flags.Look(flag.Question{Node: node, User: a.User, Context: &a.Context, At: a.at})
	}
	switch {
	case domain.KindOf(err) == domain.Unavailable:
		return &refusal{err: err}
	case !ok || err != nil || !a.agrees() || node != domain.PlatformID && !o.source.covers(a.scope, node):
		return unseen(r, a.scope)
	}
	return nil
}

// place is the node that the context names, or else the user's home, or else the
// tenant that the targeting key names, or else the platform. What is not named is
// only guessed among what the caller may see.
func (o ofrep) place(a *asking) (domain.NodeID, bool) {
	switch {
	case a.Named != "":
		return domain.NodeID(a.Named), true
	case a.Slug != "":
		return o.source.Flags.Called(a.Slug, 0)
	case a.Under != "":
		return domain.NodeID(a.Under), true
	}
	if home, ok := o.source.Flags.Home(a.User, 0); ok && o.source.covers(a.scope, home) {
		return home, true
	}
	if tenant := domain.NodeID(a.User); o.source.Flags.Level(tenant) == domain.TenantLevel && o.source.covers(a.scope, tenant) {
		return tenant, true
	}
	return domain.PlatformID, true
}

// agrees reports whether the place is what the context says it is, and is still
// there.
func (a *asking) agrees() bool {
	node := a.view.Node()
	switch {
	case a.view.Standing() == domain.Ended:
		return false
	case a.Named != "" || a.Slug != "":
		return a.view.Above(domain.TenantLevel) == node && (a.Under == "" || a.view.Above(domain.IntegratorLevel) == domain.NodeID(a.Under))
	case a.Under != "":
		return a.view.Above(domain.IntegratorLevel) == node
	}
	return true
}

// stamp says what the answer is true at, and how long ago it was last known to be
// all that there is.
func (o ofrep) stamp(h http.Header, a *asking) {
	h.Set("Reeve-Position", strconv.FormatUint(max(a.seen, a.view.Position()), 10))
	if o.source.Age == nil {
		return
	}
	if age := o.source.Age(); age >= staleAfter {
		h.Set("Age", strconv.Itoa(int(age.Seconds())))
	}
}

// staleAfter is how old answers are before they say so: the log is asked every
// second whether it has anything new.
const staleAfter = 3 * time.Second

// single evaluates one flag.
func (o ofrep) single(w http.ResponseWriter, r *http.Request) {
	key := chi.URLParam(r, "key")
	a, leave, no := o.asked(w, r)
	if no != nil {
		no.answer(w, r, key)
		return
	}
	answer, err := a.view.Evaluate(flag.Key(key))
	leave()
	if err != nil {
		refusal{status: http.StatusNotFound, Code: flagNotFound, Details: "there is no such flag"}.write(w, key)
		return
	}
	o.source.Uses.Note(a.view.Node(), flag.Key(key), a.at)
	writeRaw(w, appendEvaluation(make([]byte, 0, 512), flag.Key(key), &answer))
}

// bulk evaluates every flag.
func (o ofrep) bulk(w http.ResponseWriter, r *http.Request) {
	o.hinted(r)
	a, leave, no := o.asked(w, r)
	if no != nil {
		no.answer(w, r, "")
		return
	}
	b := o.all(&a)
	leave()
	o.source.Uses.Note(b.node, "", a.at)
	w.Header().Set("ETag", b.tag)
	if matches(r.Header.Get("If-None-Match"), b.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeRaw(w, b.body)
}

// all answers for every flag, or gives the answer that was kept. The ETag covers the
// context too, because a client that asks for somebody else must not be told that
// nothing has changed.
func (o ofrep) all(a *asking) *bulkAnswer {
	a.canonical, _ = json.Marshal(a.Attributes) // maps are written in the order of their keys
	key := keyOf(a)
	b, again := o.answers.find(key, a)
	if b != nil {
		return b
	}
	b = &bulkAnswer{node: a.view.Node(), body: append(make([]byte, 0, o.answers.usual.Load()), `{"flags":[`...)}
	empty := len(b.body)
	a.view.All(func(k flag.Key, answer flag.Answer) bool {
		if len(b.body) > empty {
			b.body = append(b.body, ',')
		}
		b.body = appendEvaluation(b.body, k, &answer)
		return true
	})
	b.body = append(o.streams(append(b.body, ']'), a), '}')
	b.tag = etag(append(a.canonical, strings.Join(a.scope.Paths, " ")...), b.body)
	o.answers.remember(key, a, b, again)
	return b
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
