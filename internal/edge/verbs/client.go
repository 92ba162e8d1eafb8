package verbs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

var (
	// ErrUnreachable: no server answered where one was looked for.
	ErrUnreachable = &domain.Error{Kind: domain.Unavailable, Code: "server-unreachable", Detail: "no server answers"}
	// ErrUnexpectedAnswer: something answered, but not as Reeve does.
	ErrUnexpectedAnswer = &domain.Error{Kind: domain.Internal, Code: "unexpected-answer", Detail: "the answer is not one of Reeve's"}
)

// maxAnswer is how many bytes an answer may have.
const maxAnswer = 64 << 20

// A Client speaks the public API.
type Client struct {
	server string
	http   *http.Client
	pauses []time.Duration // before each further try
	tokens oauth2.TokenSource
}

// NewClient asks the server at a base address such as http://127.0.0.1:8420; an
// address without a scheme is taken for http.
func NewClient(server string) *Client {
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	return &Client{server: strings.TrimRight(server, "/"), http: &http.Client{}, pauses: []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Second}}
}

// A Call is one request. Body is encoded as JSON, nil is none. Path is escaped.
type Call struct {
	Method, Path string
	Query        url.Values
	Body         any
	Header       http.Header
}

// Send makes the call and returns the body of the answer. What the server refuses
// comes back as the error it has there. What may be better at the next try, or may
// have had its effect already, is repeated a few times under one idempotency key,
// which is made up if there is none, so that there is one effect. Errors besides the
// server's: ErrUnreachable, ErrUnexpectedAnswer, edge.ErrTimeout.
func (c *Client) Send(ctx context.Context, call Call) ([]byte, error) {
	call.Header = call.Header.Clone()
	if call.Header == nil {
		call.Header = http.Header{}
	}
	if call.Method != http.MethodGet && call.Header.Get("Idempotency-Key") == "" {
		call.Header["Idempotency-Key"] = []string{uuid.NewString()}
	}
	for try := 0; ; try++ {
		answer, err := c.once(ctx, call)
		if !passing(err) {
			return answer, err
		}
		if try == len(c.pauses) || !pause(ctx, c.pauses[try]) {
			return nil, repeatable(err, call)
		}
	}
}

// passing failures may be gone at the next try. Under one key each is safe to repeat.
func passing(err error) bool {
	e, ok := domain.AsError(err)
	return ok && (e.Kind == domain.Unavailable || e.Code == "idempotency-in-flight" || e.Code == edge.ErrRateLimited.Code)
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// repeatable tells how to repeat a command that may or may not have had its effect.
func repeatable(err error, call Call) error {
	e, _ := domain.AsError(err)
	unknown := e.Code == ErrUnreachable.Code && !errors.Is(err, errRefused) || e.Code == edge.ErrTimeout.Code || e.Code == domain.ErrOutcomeUnknown.Code
	if call.Method == http.MethodGet || !unknown {
		return err
	}
	return e.With(e.Detail + "; if in doubt, repeat with the idempotency key " + call.Header.Get("Idempotency-Key"))
}

func (c *Client) once(ctx context.Context, call Call) ([]byte, error) {
	r, err := c.request(ctx, call)
	if err == nil {
		err = c.authorize(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, c.failure(ctx, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, c.failure(ctx, err)
	}
	return body, refusal(res, body)
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	address := c.server + call.Path
	if len(call.Query) > 0 {
		address += "?" + call.Query.Encode()
	}
	var body io.Reader
	if call.Body != nil {
		b, err := json.Marshal(call.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, address, body)
	if err != nil {
		return nil, ErrUnreachable.With(c.server + " is no address").Because(err)
	}
	r.Header = call.Header.Clone()
	r.Header.Set("User-Agent", "reeve-cli")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// errRefused: nothing left this machine.
var errRefused = errors.New("connection refused")

func (c *Client) failure(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return edge.ErrTimeout.Because(err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return ErrUnreachable.With("no server answers at " + c.server).Because(errRefused)
	}
	return ErrUnreachable.With("no server answers at " + c.server).Because(err)
}

// refusal turns a problem (RFC 9457) back into the error it was made of.
func refusal(res *http.Response, body []byte) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	var p edge.Problem
	switch {
	case res.StatusCode < 300 && kind == "application/json":
		return nil
	case kind != "application/problem+json" || json.Unmarshal(body, &p) != nil || p.Code == "":
		e := *ErrUnexpectedAnswer
		if res.StatusCode >= 500 {
			e.Kind = kindOf(res.StatusCode)
		}
		e.Detail = fmt.Sprintf("status %d with %q, which is not how Reeve answers", res.StatusCode, kind)
		return &e
	}
	e := &domain.Error{Kind: kindOf(res.StatusCode), Code: p.Code, Detail: p.Detail, Fields: p.Errors}
	if e.Kind == domain.Internal && p.TraceID != "" {
		return e.With(e.Detail + "; quote " + p.TraceID + " when asking for help")
	}
	return e
}

// kindOf reads the answer table from right to left. Statuses that single codes
// have of their own are of a kind by their class.
func kindOf(status int) domain.Kind {
	for k := domain.Internal; k <= domain.Unavailable; k++ {
		if edge.AnswerTo(k).Status == status {
			return k
		}
	}
	switch {
	case status == http.StatusRequestEntityTooLarge:
		return domain.Exhausted
	case status >= 400 && status < 500:
		return domain.Malformed
	}
	return domain.Internal
}

// SendAll follows a list to its end and returns all items as one page.
func (c *Client) SendAll(ctx context.Context, call Call) ([]byte, error) {
	all := []json.RawMessage{}
	call.Query = cloned(call.Query)
	for {
		answer, err := c.Send(ctx, call)
		if err != nil {
			return nil, err
		}
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next"`
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, ErrUnexpectedAnswer.Because(err)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return json.Marshal(map[string]any{"items": all})
		}
		call.Query.Set("after", page.Next)
	}
}

func cloned(v url.Values) url.Values {
	out := url.Values{}
	for name, texts := range v {
		out[name] = append([]string(nil), texts...)
	}
	return out
}
