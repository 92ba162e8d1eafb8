package platform_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/internal/testkit"
)

var established = platform.Established{Node: domain.PlatformID, KeyCheck: "5ca1ab1e"}

func TestEstablish(t *testing.T) {
	for name, c := range map[string]struct {
		past []domain.Event
		key  string
		want testkit.Expectation
	}{
		"at the first start":             {nil, "5ca1ab1e", testkit.Records(established)},
		"at the second, nothing happens": {[]domain.Event{established}, "5ca1ab1e", testkit.Nothing()},
		"with another key, refused":      {[]domain.Event{established}, "0ddba11", testkit.Fails(platform.ErrKey)},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(c.past...), platform.Establish{KeyCheck: c.key}).Meets(t, c.want)
		})
	}
}

func TestAppoint(t *testing.T) {
	appointed := platform.AdministratorAppointed{Administrator: "ann"}
	for name, c := range map[string]struct {
		past []domain.Event
		who  string
		want testkit.Expectation
	}{
		"the first":                  {[]domain.Event{established}, "ann", testkit.Records(appointed)},
		"twice is once":              {[]domain.Event{established, appointed}, "ann", testkit.Nothing()},
		"nobody after the first one": {[]domain.Event{established, appointed}, "bob", testkit.Fails(platform.ErrAppointed)},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(c.past...), platform.Appoint{Administrator: c.who}).Meets(t, c.want)
		})
	}
}

func TestThePlatformIsTheRootAndAlwaysUsable(t *testing.T) {
	if node, level, parent := established.Placed(); node != domain.PlatformID || level != domain.PlatformLevel || parent != "" {
		t.Error(node, level, parent)
	}
	if node, standing := established.Stands(); node != domain.PlatformID || standing != domain.Usable {
		t.Error(node, standing)
	}
}

func TestGolden(t *testing.T) {
	testkit.Golden(t, platform.Events, established, platform.AdministratorAppointed{Administrator: "ann"})
}
