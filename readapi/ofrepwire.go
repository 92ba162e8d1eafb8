package readapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// The error codes of OFREP.
const (
	parseError     = "PARSE_ERROR"
	invalidContext = "INVALID_CONTEXT"
	flagNotFound   = "FLAG_NOT_FOUND"
	generalError   = "GENERAL"
)

// appendEvaluation writes the outcome for one flag. A value is always there: clients
// differ in what they make of an answer without one. What the protocol has no member
// for goes into the metadata, which holds only flat values; position is that of the
// fact that decided.
func appendEvaluation(b []byte, k flag.Key, a *flag.Answer) []byte {
	b = append(appendText(append(b, `{"key":`...), string(k)), `,"value":`...)
	b = append(b, a.Value...)
	b = append(append(b, `,"reason":"`...), a.Reason...)
	b = append(b, '"')
	if a.Variant != "" {
		b = appendText(append(b, `,"variant":`...), a.Variant)
	}
	b = append(append(b, `,"metadata":{"cause":"`...), a.Cause...)
	b = strconv.AppendUint(append(b, `","position":`...), a.Position, 10)
	b = strconv.AppendBool(append(b, `,"locked":`...), a.Locked)
	if a.Level != "" {
		b = append(append(b, `,"level":"`...), a.Level...)
		b = append(append(b, `","node":"`...), a.Decider()...)
		b = append(b, '"')
	}
	if a.Rule != "" {
		b = appendText(append(b, `,"rule":`...), a.Rule)
	}
	if a.Bucket >= 0 {
		b = strconv.AppendInt(append(b, `,"bucket":`...), int64(a.Bucket), 10)
	}
	if a.Blocker != "" {
		b = appendText(append(b, `,"blocker":`...), a.Blocker)
	}
	if a.Deprecated {
		b = append(b, `,"deprecated":true`...)
	}
	return append(b, `}}`...)
}

// appendText writes a string of JSON. Most are plain.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, _ := json.Marshal(s) // strings always marshal
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// A refusal is an answer without a value. Clients want key and code in every
// one of them, whatever its status.
type refusal struct {
	err     error // what is to be answered; the rest is empty then
	status  int
	Key     string `json:"key,omitempty"`
	Code    string `json:"errorCode"`
	Details string `json:"errorDetails"`
}

func (f refusal) write(w http.ResponseWriter, key string) {
	f.Key = key
	writeJSON(w, f.status, f)
}

// answer writes the refusal, and leaves errors to the edge, which knows what else
// belongs to them.
func (f refusal) answer(w http.ResponseWriter, r *http.Request, key string) {
	if f.err != nil {
		edge.Dialect(RefuseOFREP).Refuse(w, r, evaluating, f.err)
		return
	}
	f.write(w, key)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"errorCode":"GENERAL","errorDetails":"the evaluation failed"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// What most answers say of themselves. The values are shared by all of them and are
// replaced, never changed.
var (
	inJSON    = []string{"application/json"}
	anyOrigin = []string{"*"}
	exposed   = []string{"ETag, Age, Reeve-Position, Retry-After, RateLimit, RateLimit-Policy"}
)

func writeRaw(w http.ResponseWriter, body []byte) {
	w.Header()["Content-Type"] = inJSON
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// share lets pages of any origin read an answer, and such fields of its header.
func share(h http.Header, exposed []string) {
	h["Access-Control-Allow-Origin"] = anyOrigin
	h["Access-Control-Expose-Headers"] = exposed
}

// crossOrigin lets web pages evaluate flags: send such fields and read such. The answer
// names no origin but "any", which browsers never combine with cookies.
func crossOrigin(sent string, exposed []string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			share(h, exposed)
			if r.Method != http.MethodOptions {
				next.ServeHTTP(w, r)
				return
			}
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Allow-Headers", sent)
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
		})
	}
}

// anybodyAsks is behind [crossOrigin], which answers.
func anybodyAsks(http.ResponseWriter, *http.Request) {}
