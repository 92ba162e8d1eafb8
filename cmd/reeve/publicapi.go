package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
	"github.com/reeve-platform/reeve/internal/estate"
)

// readyWithin is how long a server that answers may take to become ready.
const readyWithin = 10 * time.Second

// demoTimeout is how long one command of the demo estate may take.
const demoTimeout = 30 * time.Second

// A publicAPI is how an estate reaches a server. What it reads is never older than
// the log was when it was made, so that a plan sees every write before it.
type publicAPI struct {
	*verbs.Client
	timeout time.Duration // of one call
	since   uint64
	written uint64 // position of the last command
}

// newPublicAPI asks the server how far its log is.
func newPublicAPI(ctx context.Context, where verbs.Where) (*publicAPI, error) {
	client, err := where.Client()
	if err != nil {
		return nil, err
	}
	a := &publicAPI{Client: client, timeout: where.Timeout}
	var ready struct {
		Position    uint64     `json:"position"`
		Projections []struct { // for operators
			Head uint64 `json:"head"`
		} `json:"projections"`
	}
	err = a.Get(ctx, "/readyz", &ready)
	for deadline := time.Now().Add(min(where.Timeout, readyWithin)); errors.Is(err, verbs.ErrUnexpectedAnswer) && domain.KindOf(err) == domain.Unavailable && time.Now().Before(deadline) && ctx.Err() == nil; {
		err = a.Get(ctx, "/readyz", &ready) // a server that has just started is not ready at once
	}
	if err != nil {
		return nil, err
	}
	a.since = ready.Position
	for _, p := range ready.Projections {
		a.since = max(a.since, p.Head)
	}
	return a, nil
}

// Get reads an answer.
func (a *publicAPI) Get(ctx context.Context, path string, answer any) error {
	call := verbs.Call{Method: http.MethodGet, Path: path, Header: http.Header{}}
	if a.since > 0 {
		call.Header.Set("Reeve-Min-Position", strconv.FormatUint(a.since, 10))
	}
	return a.send(ctx, call, answer)
}

// Call issues a command. The same step of a later plan is another command: what
// it brought about may have been undone since.
func (a *publicAPI) Call(ctx context.Context, method, path string, body any, r estate.Request) (receipt estate.Receipt, err error) {
	h := http.Header{"Idempotency-Key": {r.Key + "-" + strconv.FormatUint(a.since, 10)}}
	if r.Reason != "" {
		h.Set("Reeve-Reason", r.Reason)
	}
	if r.Because != "" {
		h.Set("Traceparent", "00-"+r.Because+"-"+r.Because[:16]+"-01")
	}
	err = a.send(ctx, verbs.Call{Method: method, Path: path, Body: body, Header: h}, &receipt)
	a.written = max(a.written, receipt.Position)
	return receipt, err
}

// settled waits until what was written can be read, so that the next question
// sees it.
func (a *publicAPI) settled(ctx context.Context) error {
	a.since = max(a.since, a.written)
	for _, path := range []string{"/v1/integrators", "/v1/tenants", "/v1/flags", "/v1/flag-overrides", "/v1/nodes/platform/resolved-flags"} {
		if err := a.Get(ctx, path+"?limit=1", &struct{}{}); err != nil {
			return err
		}
	}
	return nil
}

func (a *publicAPI) send(ctx context.Context, call verbs.Call, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	body, err := a.Send(ctx, call)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return verbs.ErrUnexpectedAnswer.Because(err)
	}
	return nil
}

var _ estate.API = (*publicAPI)(nil)
