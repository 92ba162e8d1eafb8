package edge

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// What is wrong with the headers of a request.
var (
	ErrIdempotencyKey = &domain.Error{Kind: domain.Malformed, Code: "invalid-idempotency-key", Detail: "Idempotency-Key must be 1 to 200 printable ASCII characters, once"}
	ErrIfMatch        = &domain.Error{Kind: domain.Malformed, Code: "invalid-if-match", Detail: `If-Match must be one revision in quotes, such as "3"`}
	ErrPosition       = &domain.Error{Kind: domain.Malformed, Code: "invalid-position", Detail: "Reeve-Min-Position must be a position such as 4711"}
	ErrPreview        = &domain.Error{Kind: domain.Malformed, Code: "invalid-preview", Detail: "Reeve-Preview must be what a preview was called, such as 4711-0123456789abcdef0123456789abcdef, once"}
	ErrReason         = &domain.Error{Kind: domain.Malformed, Code: "invalid-reason", Detail: "Reeve-Reason must be UTF-8 of at most 500 characters, once"}
)

const (
	maxKey       = 200
	maxReason    = 500
	maxUserAgent = 300
)

// RequestFrom reads what the headers say about a call, for any surface that is
// reached over HTTP. Meta.Fingerprint is left to the surface; see [Fingerprint].
// Errors: those of the [Guard], ErrIdempotencyKey, ErrIfMatch, ErrPreview,
// ErrPosition, ErrReason, ErrScope.
func RequestFrom(r *http.Request) (Request, error) {
	caller, err := CallerOf(r)
	if err != nil {
		return Request{}, err
	}
	call := Request{Caller: caller, Meta: domain.Meta{
		CorrelationID: TraceID(r.Context()), Actor: caller.Actor(),
		SourceIP: sourceIP(r), UserAgent: userAgent(r),
	}}
	for _, read := range []func(http.Header, *Request) error{readKey, readMatch, readPreview, readPosition, readReason} {
		if err := read(r.Header, &call); err != nil {
			return Request{}, err
		}
	}
	return call, readScope(r, &call)
}

func readKey(h http.Header, call *Request) error {
	keys := h.Values("Idempotency-Key")
	if len(keys) == 0 {
		call.Meta.CommandID = uuid.NewString()
		return nil
	}
	key := keys[0]
	if len(keys) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, unprintable) {
		return ErrIdempotencyKey
	}
	call.Meta.CommandID, call.Keyed = key, true
	return nil
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

func readMatch(h http.Header, call *Request) error {
	tags := h.Values("If-Match")
	if len(tags) == 0 {
		return nil
	}
	bare, opens := strings.CutPrefix(tags[0], `"`)
	bare, closes := strings.CutSuffix(bare, `"`)
	n, err := strconv.ParseUint(bare, 10, 63)
	if len(tags) > 1 || !opens || !closes || err != nil {
		return ErrIfMatch
	}
	call.IfMatch = &n
	return nil
}

var preview = regexp.MustCompile(`^[0-9]{1,20}-[0-9a-f]{32}$`)

func readPreview(h http.Header, call *Request) error {
	names := h.Values("Reeve-Preview")
	if len(names) == 0 {
		return nil
	}
	if len(names) > 1 || !preview.MatchString(names[0]) {
		return ErrPreview
	}
	call.Preview = names[0]
	return nil
}

func readPosition(h http.Header, call *Request) (err error) {
	call.MinPosition, err = MinPosition(h)
	return err
}

// MinPosition is the position that an answer must not be older than, 0 for any. The
// error is ErrPosition.
func MinPosition(h http.Header) (uint64, error) {
	texts := h.Values("Reeve-Min-Position")
	if len(texts) == 0 {
		return 0, nil
	}
	at, err := strconv.ParseUint(texts[0], 10, 64)
	if len(texts) > 1 || err != nil {
		return 0, ErrPosition
	}
	return at, nil
}

func readReason(h http.Header, call *Request) error {
	reasons := h.Values("Reeve-Reason")
	if len(reasons) == 0 {
		return nil
	}
	if len(reasons) > 1 || !readable(reasons[0]) || utf8.RuneCountInString(reasons[0]) > maxReason {
		return ErrReason
	}
	call.Meta.Reason = reasons[0]
	return nil
}

// userAgent is kept for auditors, so it is cut rather than refused.
func userAgent(r *http.Request) string {
	text := []rune(strings.ToValidUTF8(r.UserAgent(), ""))
	return string(text[:min(len(text), maxUserAgent)])
}
