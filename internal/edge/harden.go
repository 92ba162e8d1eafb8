package edge

import (
	"net/http"
	"time"
)

// What every answer tells browsers, which have no business with most of them:
// guess no types, send no addresses on, embed nothing, run nothing. The values
// are shared by all answers and are replaced, never changed.
var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	sameOrigin = []string{"same-origin"}
	nothing    = []string{"default-src 'none'; frame-ancestors 'none'"}
	transport  = []string{"max-age=31536000"} // a year; RFC 6797 section 6.1.1
)

func harden(h http.Header, secure bool) {
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["Content-Security-Policy"] = nothing
	if secure {
		h["Strict-Transport-Security"] = transport
	}
}

// Hardened is for what is served beside [REST]: every answer of next gets the
// same headers for browsers, and every body the same time to arrive.
func Hardened(next http.Handler, body time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header(), r.TLS != nil)
		timeBody(w, r, body)
		next.ServeHTTP(w, r)
	})
}
