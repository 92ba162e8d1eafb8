package readapi_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/readapi"
)

func TestWhatIsRefusedBeforeAnEvaluationLooksLikeOFREP(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		answer string
	}{
		"too often":   {edge.ErrRateLimited, `429 {"errorCode":"GENERAL","errorDetails":"too many requests; Retry-After says when to try again"}`},
		"too much":    {edge.ErrOverloaded, `503 {"errorCode":"GENERAL","errorDetails":"too many requests are under way; try again in a moment"}`},
		"nobody":      {edge.ErrUnauthenticated, `401 {"errorCode":"GENERAL","errorDetails":"this needs an access token or an API key"}`},
		"our insides": {errors.New("s3cr3t"), `500 {"errorCode":"GENERAL","errorDetails":"the evaluation failed"}`},
	} {
		w := httptest.NewRecorder()
		readapi.RefuseOFREP(w, httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags", nil), c.err)
		if got := fmt.Sprint(w.Code, " ", w.Body); got != c.answer || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %v", name, got, w.Header())
		}
	}
	w := httptest.NewRecorder()
	readapi.RefuseOFREP(w, httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags/dark-mode", nil), edge.ErrRateLimited)
	if want := `{"key":"dark-mode","errorCode":"GENERAL","errorDetails":"too many requests; Retry-After says when to try again"}`; w.Body.String() != want {
		t.Error(w.Body)
	}
}
