package edge

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"github.com/reeve-platform/reeve/domain"
)

// Options say how requests are received. The zero value is usable.
type Options struct {
	Logger      *slog.Logger                                       // slog.Default if nil
	Version     string                                             // of the product, for the documents
	MaxBody     int64                                              // bytes a body may have; MaxBody if 0
	BodyTimeout time.Duration                                      // within which a body must arrive; 10 s if 0
	Timeout     time.Duration                                      // within which an entry must answer; 30 s if 0
	Observe     func(route string, status int, took time.Duration) // told of each request; the route is the pattern
	Refused     func(Refusal)                                      // told of each refusal, before it is answered; must not take long
	Guard       Guard                                              // who may come in; nobody if nil
	Opaque      func(Caller) bool                                  // whom GraphQL does not tell its schema; nobody if nil
	Proving     []string                                           // paths whose surface finds out itself who is known, and calls Suspect if nobody is
	Limits      Limits                                             // how much they may ask for
	Proxies     Proxies                                            // whom to believe about where requests come from
	Dialects    map[string]Dialect                                 // how refusals are worded below a path such as "/ofrep/"
	Shared      []string                                           // such paths that pages of any origin may use; they must not depend on cookies
}

// A Dialect answers with err in the shape that the clients of a protocol expect,
// with the status of [OutcomeOf]. Retry-After has been set.
type Dialect func(w http.ResponseWriter, r *http.Request, err error)

func (o Options) defaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxBody == 0 {
		o.MaxBody = MaxBody
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = 10 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Observe == nil {
		o.Observe = func(string, int, time.Duration) {}
	}
	return o
}

var (
	// ErrCrossOrigin: a page of another site tries to use the caller's browser.
	ErrCrossOrigin = &domain.Error{Kind: domain.Forbidden, Code: "cross-origin", Detail: "a page of another origin may not do this"}
	// ErrForeignHost: the request reached a loopback address under a name that is
	// not a loopback name, as DNS rebinding does.
	ErrForeignHost = &domain.Error{Kind: domain.Forbidden, Code: "foreign-host", Detail: "this address answers to localhost, 127.0.0.1 and [::1] only"}
)

// receive gives every request an id, its body a deadline, keeps strangers out,
// survives panics, and writes one line about it. Lines hold no headers, bodies,
// paths or query strings, hence no secrets.
func receive(o Options) func(http.Handler) http.Handler {
	origin, gate := http.NewCrossOriginProtection(), newTurnstile(o.Limits)
	for _, path := range o.Shared {
		origin.AddInsecureBypassPattern(path)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			v := newVisit(r, o)
			v.header, v.toll.turnstile = ww.Header(), gate
			peer := sourceAddr(r)
			r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
			harden(v.header, o.Proxies.unwrap(r))
			v.header.Set("X-Request-Id", v.id)
			timeBody(ww, r, o.BodyTimeout)
			defer v.end(o, ww, r)
			defer v.recover(ww, r)
			err := v.stop(r, origin, o.Proxies.trust(peer))
			if err == nil && v.toll.spent && !slices.Contains(o.Proving, r.URL.Path) {
				err = known(r)
			}
			if err != nil {
				Refuse(ww, r, err)
				return
			}
			next.ServeHTTP(ww, r)
		})
	}
}

// stop says why a request goes no further, whoever makes it.
func (v *visit) stop(r *http.Request, origin *http.CrossOriginProtection, proxied bool) error {
	v.toll.approach(v.header, r)
	switch {
	case origin.Check(r) != nil:
		return ErrCrossOrigin
	case !proxied && foreignHost(r):
		return ErrForeignHost
	}
	return nil
}

// known lets nobody pass but those who are: who shares an address with somebody who
// guesses must not be kept out with it.
func known(r *http.Request) error {
	_, err := CallerOf(r)
	if domain.KindOf(err) == domain.Unauthenticated {
		return ErrRateLimited
	}
	return err
}

// timeBody gives a body so long to arrive, whoever reads it. The deadline is the
// connection's: left in place it would look like a caller who hangs up, so it ends
// with the body. A body that is not read to its end keeps it, because net/http
// would wait for the rest.
func timeBody(w http.ResponseWriter, r *http.Request, limit time.Duration) {
	if _, here := r.Body.(*letter); here || r.Body == nil || r.ContentLength == 0 {
		return
	}
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now().Add(limit)) == nil { // what is not a connection has none
		r.Body = &timedBody{r.Body, control}
	}
}

type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read ends the deadline with the body.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// foreignHost looks at the name the caller used, where we were reached by
// loopback. Under TLS the certificate is the proof of the name.
func foreignHost(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() || r.TLS != nil {
		return false
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return !IsLoopback(host)
}

// Refuse answers with err as a problem, or in the dialect of the path. What stays
// inside goes to the log line of the request.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	visitOf(r.Context()).dialect.Refuse(w, r, "", err)
}

// Refuse answers with err as [Refuse] does, whatever the dialect of the path is, for
// surfaces that can also be reached without [REST]. Operation is what the record of
// refusals calls what was asked for; the route if empty.
func (d Dialect) Refuse(w http.ResponseWriter, r *http.Request, operation string, err error) {
	v := visitOf(r.Context())
	if domain.KindOf(err) == domain.Unauthenticated {
		w.Header().Set("WWW-Authenticate", v.challenge(err))
	}
	v.failure = err
	if f, ok := RefusalOf(err); ok {
		f.Operation = operation
		f.Report(r)
	}
	if OutcomeOf(err).Retry {
		w.Header().Set("Retry-After", strconv.Itoa(max(retryAfter, v.toll.retry)))
	}
	if d != nil {
		d(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	writeJSON(w, OutcomeOf(err).Status, ProblemOf(err, v.trace))
}

// retryAfter is in seconds; most of what is unavailable is back by then.
const retryAfter = 1

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = outcomes[domain.Internal].Status, nil
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
