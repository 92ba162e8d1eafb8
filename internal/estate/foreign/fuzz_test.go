package foreign_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/estate"
	. "github.com/reeve-platform/reeve/internal/estate/foreign"
)

func FuzzFlagd(f *testing.F) { fuzz(f, Flagd, "flagd") }

func FuzzUnleash(f *testing.F) { fuzz(f, Unleash, "unleash", "unleash-export") }

func FuzzLaunchDarkly(f *testing.F) {
	fuzz(f, LaunchDarkly, "launchdarkly", "launchdarkly-rest")
}

// fuzz holds a reader to this: whatever it takes becomes a file that can be applied.
func fuzz(f *testing.F, s Source, seeds ...string) {
	for _, name := range seeds {
		text, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		im, err := Read(s, "", bytes.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := estate.Write(&out, im.Documents()); err != nil {
			t.Fatal(err)
		}
		docs, err := estate.Parse("fuzz", &out)
		if err != nil || len(docs) != len(im.Documents()) {
			t.Fatal(len(docs), err)
		}
		if _, err := estate.Make(t.Context(), nothing{}, docs, false); err != nil {
			e, _ := domain.AsError(err)
			t.Fatal(err, e.Fields)
		}
	})
}

// nothing is a platform where there is nothing.
type nothing struct{}

func (nothing) Get(context.Context, string, any) error { return nil }

func (nothing) Call(context.Context, string, string, any, estate.Request) (estate.Receipt, error) {
	return estate.Receipt{}, nil
}
