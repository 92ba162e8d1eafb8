package edge_test

import (
	"testing"

	"github.com/reeve-platform/reeve/internal/edge"
)

func TestRatesAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]edge.Rate{
		"200/s burst 400":      {PerSecond: 200, Burst: 400},
		"200/s":                {PerSecond: 200, Burst: 200},
		"30/m burst 10":        {PerSecond: 0.5, Burst: 10},
		"30/m":                 {PerSecond: 0.5, Burst: 1},
		"3600/h  burst  1":     {PerSecond: 1, Burst: 1},
		"off":                  {},
		" 1000000000/s ":       {PerSecond: 1e9, Burst: 1e9},
		"1/s burst 1000000000": {PerSecond: 1, Burst: 1e9},
	} {
		got := edge.Rate{PerSecond: -1}
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
}

func TestWhatIsNoRateIsRefused(t *testing.T) {
	for _, text := range []string{"", "on", "0", "200", "200/", "200/d", "0/s", "-1/s", "1.5/s", "1e3/s", "1000000001/s", "200/s burst", "200/s burst 0", "200/s burst x", "200/s bursts 3", "200/s burst 3 4", "off burst 3"} {
		r := edge.Rate{PerSecond: -1}
		if err := r.UnmarshalText([]byte(text)); err == nil || r.PerSecond != -1 {
			t.Errorf("%q: %+v %v", text, r, err)
		}
	}
}
