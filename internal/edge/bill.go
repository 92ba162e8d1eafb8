package edge

import (
	"net/http"
	"time"
)

// Bill bills the caller that a surface with credentials of its own has found to
// make a request, and finds room for its work until the request is answered, as
// [CallerOf] does for all others. It fails with ErrRateLimited, together with how
// long to wait, or with ErrOverloaded. Requests that did not come in through [REST]
// are nobody's.
func Bill(r *http.Request, c Caller) (wait time.Duration, err error) {
	v := visitOf(r.Context())
	if v.toll.turnstile == nil || v.toll.known {
		return 0, nil
	}
	if err = v.toll.bill(v.header, c); err == nil {
		_, err = Enter(r.Context()) // it is left with the request
	}
	return time.Duration(v.toll.retry) * time.Second, err
}
