package readapi_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/readapi"
)

// bulked is what all flags come to and what that is called, in one text.
func bulked(h http.Handler, body, known string) string {
	r := httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags", strings.NewReader(body))
	r.Header.Set("If-None-Match", known)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return fmt.Sprint(rec.Code, " ", rec.Header().Get("ETag"), "\n", rec.Body)
}

// A handler that keeps answers gives, whatever happens and whenever it is asked, those
// that one gives that has never been asked before.
func TestAnAnswerThatIsKeptIsTheAnswerStill(t *testing.T) {
	w := painted(t)
	at := noon.Add(time.Hour)
	now := func() time.Time { return at }
	w.source.Streams = readapi.NewStreams([]byte("key"), 10, func() <-chan struct{} { return nil }, nil, nil)
	w.tell(flag.SegmentStream("crew"), flag.SegmentDefined{Segment: "crew", Membership: flag.Membership{Included: []string{"ada"}}})
	w.override(domain.NodeID(south), domain.TenantLevel, domain.NodeID(acme), "plain", flag.Setting{Rules: []flag.Rule{{When: []flag.Condition{{Segment: "crew"}}, Serving: flag.Serving{Value: raw(`"crew"`)}}}})
	contexts := []string{
		`{}`, whom(`"tenantId":%q`, north), whom(`"tenantId":"south","targetingKey":"ada"`), whom(`"tenantId":%q,"targetingKey":"bob"`, south),
		whom(`"tenantId":%q,"targetingKey":%q`, north, ada), whom(`"integratorId":%q`, acme), whom(`"targetingKey":"visitor"`),
	}
	scopes := []domain.Scope{everywhere, northScope, acmeScope}
	var scope domain.Scope
	whose := func(*http.Request) (domain.Scope, error) { return scope, nil }
	keeps := ofrep(w.source, whose, now)
	tags := map[string]bool{}
	for range 60 {
		switch rand.IntN(5) {
		case 0:
			at = at.Add(time.Duration(rand.IntN(40)) * time.Minute)
		case 1:
			from, until := at.Add(time.Duration(rand.IntN(30)-10)*time.Minute), at.Add(time.Duration(rand.IntN(60))*time.Minute)
			w.override(domain.NodeID(south), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(fmt.Sprintf(`"%d"`, rand.IntN(100))), ValidFrom: &from, ValidUntil: &until})
		case 2:
			w.tell(flag.SegmentStream("crew"), flag.SegmentUpdated{Segment: "crew", After: flag.Membership{Included: []string{[]string{"ada", "bob"}[rand.IntN(2)]}}})
		default:
			w.change()
		}
		for _, scope = range scopes {
			for _, body := range contexts {
				fresh := bulked(ofrep(w.source, whose, now), body, "")
				for range 3 {
					if kept := bulked(keeps, body, ""); kept != fresh {
						t.Fatalf("%s as of %v, kept:\n%s\nnew:\n%s", body, at, kept, fresh)
					}
				}
				_, tag, _ := strings.Cut(strings.SplitN(fresh, "\n", 2)[0], " ")
				if known := bulked(keeps, body, tag); tag != "" && !strings.HasPrefix(known, "304 ") {
					t.Fatalf("%s is called %s: %s", body, tag, known)
				}
				tags[tag] = true
			}
		}
	}
	if len(tags) < 100 {
		t.Errorf("only %d answers in all", len(tags))
	}
}

// An answer that is made while something begins to count is not kept as if it were made
// after.
func TestAnAnswerMadeAcrossAnInstantIsOfBeforeIt(t *testing.T) {
	w := painted(t)
	begins := noon.Add(70 * time.Minute)
	w.override(domain.NodeID(south), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(`"late"`), ValidFrom: &begins})
	var left int // so many looks at the clock until the instant comes
	at := begins.Add(-time.Millisecond)
	now := func() time.Time {
		if left--; left == 0 {
			at = begins
		}
		return at
	}
	whose := func(*http.Request) (domain.Scope, error) { return everywhere, nil }
	body := whom(`"tenantId":"south"`)
	for n := 1; n <= 6; n++ {
		at, left = begins.Add(-time.Millisecond), 0
		keeps := ofrep(w.source, whose, now)
		bulked(keeps, body, "") // so that the next is kept
		left = n
		bulked(keeps, body, "")
		at, left = begins.Add(time.Minute), 0
		if kept, fresh := bulked(keeps, body, ""), bulked(ofrep(w.source, whose, now), body, ""); kept != fresh {
			t.Errorf("the instant came at look %d; a minute later\nkept: %s\nnew:  %s", n, kept, fresh)
		}
	}
}

// What is kept has a bound, however many ask, and whatever they are answered.
func TestKeptAnswersHaveABound(t *testing.T) {
	for _, bytes := range []int{100, 40_000, readapi.KeptBytes / 3} {
		if size := readapi.Fill(20_000_000/bytes+3, bytes); size > readapi.KeptBytes || size == 0 {
			t.Errorf("%d bytes are kept, of at most %d", size, readapi.KeptBytes)
		}
	}
}
