package conformance

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// leftOut are the tests that say nothing about another server than the embedded
// one, and why. They are not run there at all.
var leftOut = map[string]string{
	"TestAppendLimitIsExact":                           "how a server counts an event's bytes is its own affair",
	"TestCatastrophicExpression":                       "an engine that backtracks may take for ever",
	"TestExpressionThatIsNotRE2IsRefused":              "others know other expressions",
	"TestFiftySubscribersOfWhichTenDoNotRead":          "the memory of its process is not visible",
	"TestFiltersThatSayNothingAreRefused":              "others fill in what is missing, or fail in their own way",
	"TestGroupNamesThatCouldBeReadInTwoWaysAreRefused": "others may accept them",
	"TestHealthService":                                "not every server has the health service of gRPC",
	"TestLargestEventThatClientsCanReceive":            "it needs a server with settings of its own",
	"TestMetadataThatOnlyLooksLikeALimit":              "what is no limit is nowhere written down",
	"TestReadOfNothing":                                "what a count of zero means is nowhere written down",
	"TestRefusedAppendsOfTheEmbeddedServer":            "others fill in what is missing, or fail in their own way",
	"TestRestartOfTheSubsystemKeepsTheAccount":         "it would drop everybody's consumers",
	"TestRetryOfAnAppendThatWasDeleted":                "whether what is deleted counts as written is the server's own affair",
	"TestSubscriberThatStopsReadingUnderLoad":          "the memory of its process is not visible",
	"TestUnknownServiceIsUnimplemented":                "others may have it",
	"TestVeryManyStreamsOpenAtOnce":                    "it cannot be opened again from here",
}

// leaveOut keeps the tests of the list from running, beside those that the
// command line names, and says so.
func leaveOut() error {
	names := slices.Sorted(maps.Keys(leftOut))
	for _, name := range names {
		fmt.Printf("left out: %s: %s\n", name, leftOut[name])
	}
	flag.Parse()
	skip := flag.Lookup("test.skip")
	pattern := "^(" + strings.Join(names, "|") + ")$"
	if already := skip.Value.String(); already != "" {
		pattern = already + "|" + pattern
	}
	return skip.Value.Set(pattern)
}

// embeddedOnly guards what starts a server: whoever looks at another one would
// be told about this one.
func embeddedOnly(t *testing.T) {
	t.Helper()
	if os.Getenv(elsewhere) != "" {
		t.Fatal("this looks at the embedded server only, and must be in the list of what is left out")
	}
}

var testNames = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// A test that was renamed would not be left out any more.
func TestWhatIsLeftOutIsThere(t *testing.T) {
	there := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		source, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range testNames.FindAllSubmatch(source, -1) {
			there[string(found[1])] = true
		}
	}
	for name := range leftOut {
		if !there[name] {
			t.Errorf("there is no %s", name)
		}
	}
}
