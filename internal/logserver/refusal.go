package logserver

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A refusal is an answer that clients tell apart by its status code and by the
// trailer "exception".
type refusal struct {
	code     codes.Code
	text     string
	trailers metadata.MD
}

func (r *refusal) Error() string              { return r.text }
func (r *refusal) GRPCStatus() *status.Status { return status.New(r.code, r.text) }

// refuse builds a refusal; pairs are trailer keys and values.
func refuse(code codes.Code, text string, pairs ...string) error {
	for i := 1; i < len(pairs); i += 2 {
		pairs[i] = printable(pairs[i])
	}
	return &refusal{code: code, text: text, trailers: metadata.Pairs(pairs...)}
}

func invalid(text string) error { return refuse(codes.InvalidArgument, text) }

func streamDeleted(stream string) error {
	return refuse(codes.FailedPrecondition, "the stream is deleted",
		"exception", "stream-deleted", "stream-name", stream)
}

func wrongVersion(stream string, expected, actual int64) error {
	return refuse(codes.FailedPrecondition, "the stream is not at the expected revision",
		"exception", "wrong-expected-version", "stream-name", stream,
		"expected-version", strconv.FormatInt(expected, 10), "actual-version", strconv.FormatInt(actual, 10))
}

const appendSizeExceeded = "maximum-append-size-exceeded"

func appendTooLarge(limit int) error {
	return refuse(codes.InvalidArgument, "the append is larger than the server accepts",
		"exception", appendSizeExceeded, "maximum-append-size", strconv.Itoa(limit))
}

func propertyMissing(names ...string) error {
	return refuse(codes.InvalidArgument, "required event metadata is missing",
		"exception", "missing-required-metadata-property", "required-metadata-properties", strings.Join(names, ","))
}

// unsettled answers a write whose fate is unknown, or a read the storage failed.
func unsettled(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	case isCorruption(err):
		return refuse(codes.DataLoss, "the log is damaged")
	}
	return refuse(codes.Unknown, "the storage failed; the outcome is unknown")
}

var (
	errFull    = refuse(codes.ResourceExhausted, errDiskFull.Error(), "exception", "disk-full")
	errLeaving = refuse(codes.Unavailable, "the server is shutting down")
)

// printable makes any text fit into a header: others than printable ASCII are
// percent-encoded.
func printable(text string) string {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return url.PathEscape(text)
		}
	}
	return text
}

// trailUnary and trailStream send a refusal's trailers along with its status.
func trailUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	answer, err := next(ctx, req)
	trail(ctx, err)
	return answer, err
}

func trailStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	err := next(srv, stream)
	trail(stream.Context(), err)
	return err
}

func trail(ctx context.Context, err error) {
	if err == nil {
		return
	}
	var r *refusal
	if errors.As(err, &r) && len(r.trailers) > 0 {
		_ = grpc.SetTrailer(ctx, r.trailers) // fails only when the call is already over
	}
}

// isAnswer is true for errors that already are an answer to the caller.
func isAnswer(err error) bool {
	_, ok := status.FromError(err)
	return ok
}

// exception is the name by which clients know a refusal, empty if it has none.
func exception(err error) string {
	var r *refusal
	if !errors.As(err, &r) || len(r.trailers.Get("exception")) == 0 {
		return ""
	}
	return r.trailers.Get("exception")[0]
}
