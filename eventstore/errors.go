package eventstore

import (
	"context"
	"errors"
	"slices"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reeve-platform/reeve/domain"
)

// ErrLogRefused: the log does not let us do this, and asking again will not help;
// whoever runs the log must.
var ErrLogRefused = &domain.Error{Kind: domain.Internal, Code: "log-refused", Detail: "the event log refused the request"}

// unreachable reports that the server could not be reached or did not want to
// serve: just what makes the client look for a server again.
func unreachable(err error) bool { return status.Code(err) == codes.Unavailable }

// missing reports that a stream does not exist.
func missing(err error) bool { return is(err, esdb.ErrorCodeResourceNotFound) }

// is finds the client's code in err's chain. The client wraps its own errors, and
// its FromError looks at the outermost only.
func is(err error, any ...esdb.ErrorCode) bool {
	e, ok := errors.AsType[*esdb.Error](err)
	return ok && slices.Contains(any, e.Code())
}

// refused reports an answer that will be the same next time.
func refused(err error) bool {
	return is(err, esdb.ErrorCodeAccessDenied, esdb.ErrorCodeUnauthenticated, esdb.ErrorCodeStreamDeleted, esdb.ErrorCodeUnsupportedFeature)
}

// unsent reports that an append ended before it was complete, so that the server
// has nothing to write. The client wraps what goes wrong until the last event is
// sent, and returns as it is what goes wrong with the answer.
func unsent(err error) bool {
	e, ok := errors.AsType[*esdb.Error](err)
	return ok && error(e) != err //nolint:errorlint // the question is which of the two is outermost
}

// ofRead tells why a read failed.
func ofRead(err error) error {
	switch {
	case err == nil || ours(err):
		return err
	case refused(err):
		return ErrLogRefused.Because(err)
	}
	return domain.ErrLogUnavailable.Because(err)
}

// ofAppend tells why an append failed: surely not done, or unknown. Whatever is
// not known to have been refused may have been written.
func ofAppend(err error) error {
	switch {
	case err == nil || ours(err):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return domain.ErrOutcomeUnknown.Because(err)
	case is(err, esdb.ErrorCodeWrongExpectedVersion):
		return domain.ErrRaced.Because(err)
	case refused(err):
		return ErrLogRefused.Because(err)
	case status.Code(err) == codes.InvalidArgument: // nothing else is wrong with what we send
		return domain.ErrAppendTooLarge.Because(err)
	case status.Code(err) == codes.ResourceExhausted:
		return domain.ErrLogFull.Because(err)
	case unsent(err), is(err, esdb.ErrorCodeNotLeader, esdb.ErrorCodeConnectionClosed):
		return domain.ErrLogUnavailable.Because(err)
	}
	return domain.ErrOutcomeUnknown.Because(err)
}

func ours(err error) bool {
	_, ok := domain.AsError(err)
	return ok
}
