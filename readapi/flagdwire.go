package readapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"net/http"

	first "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v1"
	rpc "connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// typeMismatch is the code of flagd for a flag that is asked for as what it is not.
const typeMismatch = "TYPE_MISMATCH"

// unnamed is the variant of a value that has no name. Without one, clients of flagd take
// what is off or the default for nothing said, and give their own default.
const unnamed = "value"

// What web pages send and read that speak gRPC-Web or Connect.
const sentToFlagd = "Content-Type, Authorization, X-API-Key, X-Grpc-Web, X-User-Agent, Grpc-Timeout, Connect-Protocol-Version, Connect-Timeout-Ms, Flagd-Selector, Reeve-Min-Position"

var exposedByFlagd = []string{exposed[0] + ", Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"}

// An evaluated flag is what OFREP says of it, read again: there is one place that
// words an answer.
type evaluated struct {
	Value    json.RawMessage
	Reason   string
	Variant  string
	Metadata *structpb.Struct
}

func readEvaluated(k flag.Key, a *flag.Answer) (*evaluated, error) {
	e := &evaluated{}
	if err := json.Unmarshal(appendEvaluation(nil, k, a), e); err != nil {
		return nil, flagdError(rpc.CodeInternal, generalError, "the evaluation failed")
	}
	if e.Reason == string(flag.Static) {
		e.Reason = "DEFAULT" // clients keep what is static, whomever they ask for next
	}
	e.Variant = cmp.Or(e.Variant, unnamed)
	return e, nil
}

// read reads the value, unless it is null, which everything could be read from.
func (e *evaluated) read(into any) bool {
	return string(e.Value) != "null" && json.Unmarshal(e.Value, into) == nil
}

func (e *evaluated) boolean() (v bool, ok bool) { ok = e.read(&v); return v, ok }

func (e *evaluated) text() (v string, ok bool) { ok = e.read(&v); return v, ok }

func (e *evaluated) number() (v float64, ok bool) { ok = e.read(&v); return v, ok }

// whole is a number without a fraction, however it is spelled, that no double on its
// way has rounded.
func (e *evaluated) whole() (v int64, ok bool) {
	if e.read(&v) {
		return v, true
	}
	number, ok := e.number()
	return int64(number), ok && number == math.Trunc(number) && math.Abs(number) < 1<<53
}

func (e *evaluated) object() (*structpb.Struct, bool) {
	v := &structpb.Struct{}
	return v, e.read(v)
}

// any is the flag whatever its type is; false for lists and null, which the protocol
// has no member for.
func (e *evaluated) any() (*first.AnyFlag, bool) {
	f := &first.AnyFlag{Reason: e.Reason, Variant: e.Variant, Metadata: e.Metadata}
	if v, ok := e.boolean(); ok {
		f.Value = &first.AnyFlag_BoolValue{BoolValue: v}
	} else if v, ok := e.text(); ok {
		f.Value = &first.AnyFlag_StringValue{StringValue: v}
	} else if v, ok := e.number(); ok {
		f.Value = &first.AnyFlag_DoubleValue{DoubleValue: v}
	} else if v, ok := e.object(); ok {
		f.Value = &first.AnyFlag_ObjectValue{ObjectValue: v}
	}
	return f, f.Value != nil
}

// flagdError is an error of flagd: the code of OpenFeature, which gRPC has none for, is
// before the words.
func flagdError(code rpc.Code, name, details string) error {
	return rpc.NewError(code, errors.New(name+": "+details))
}

// flagdRefusal words a refusal, and leaves to the edge what belongs to errors besides.
func flagdRefusal(c flagdCall, no *refusal) error {
	if no.err == nil {
		return flagdError(rpc.CodeFailedPrecondition, no.Code, no.Details)
	}
	unwritten := edge.Dialect(func(http.ResponseWriter, *http.Request, error) {})
	unwritten.Refuse(c.w, c.r, evaluating, no.err)
	return toldFlagd(no.err)
}

// toldFlagd is what a client of flagd is told of an error.
func toldFlagd(err error) error {
	details := "the evaluation failed"
	if told := edge.Told(err); told.Kind != domain.Internal {
		details = told.Detail
	}
	return flagdError(rpc.Code(edge.OutcomeOf(err).RPC), generalError, details)
}

// RefuseFlagd answers with err as clients of flagd expect it, in whichever protocol
// they speak.
func RefuseFlagd(w http.ResponseWriter, r *http.Request, err error) {
	share(w.Header(), exposedByFlagd)
	_ = rpc.NewErrorWriter().Write(w, r, toldFlagd(err)) // whoever is gone is told nothing
}
