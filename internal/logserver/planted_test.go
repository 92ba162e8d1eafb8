//go:build planted

package logserver_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// plantedBugs are mistakes that were built in on purpose, each with the tests that
// have to notice it: of this package, or of the conformance suite, which sees what
// clients see. A test suite that lets one pass is the bug.
var plantedBugs = []struct{ bug, suite, tests string }{
	{"acl-ignored", here, "TestWhoMayDoWhat|TestConsumersNeedTheRightToRead"},
	{"answer-before-sync", here, "TestFailedSyncIsFatal"},
	{"any-retry-repeated", clients, "TestAnyRetryDoesNotDuplicate"},
	{"batch-per-event", here, "TestPowerLoss"},
	{"bell-not-rung", clients, "TestTombstoneEndsALiveSubscription"},
	{"checkpoint-ahead", clients, "TestSubscriptionGoesOnFromACheckpoint|TestCheckpointsArePacedByWhatIsConsidered"},
	{"checkpoints-too-often", clients, "TestCheckpointsArePacedByWhatIsConsidered"},
	{"clock-goes-back", clients, "TestCreatedNeverDecreases"},
	{"deletion-forgotten", clients, "TestDeletedStreamIsNotFoundAndGoesOn"},
	{"exact-retry-refused", clients, "TestExactRetryReturnsTheOriginalResultEvenAfterLaterWrites"},
	{"expectation-ignored", clients, "TestExpectedRevision|TestOneWinnerOf32RacingExactAppends"},
	{"failed-sync-swallowed", here, "TestFailedSyncIsFatal"},
	{"full-disk-accepted", here, "TestFullDiskRefusesAppendsOnly"},
	{"group-checkpoint-ahead", here, "TestGroupSurvivesARestart"},
	{"ids-forgotten", clients, "TestAnyRetryDoesNotDuplicate"},
	{"link-to-next", clients, "TestLinksAreResolvedOnRequestOnly|TestResolvedLinksInBothForms"},
	{"lock-not-taken", here, "TestSecondOpenIsRefused"},
	{"mark-ahead", here, "TestRestartKeepsEverything"},
	{"mark-ignored", here, "TestDamagedLogIsRefused|TestEveryCutOfTheJournal"},
	{"page-skipped", clients, "TestReadsJoinPagesSeamlessly"},
	{"parked-dropped", clients, "TestReplayOfWhatIsParked"},
	{"part-repeated-accepted", clients, "TestPartRepeatedAppendIsRefusedAndNothingWritten"},
	{"position-reused", here, "TestRestartKeepsEverything"},
	{"publish-before-sync", here, "TestFailedSyncIsFatal"},
	{"removed-shown", here, "TestCompactRemovesWhatNobodyCanRead|TestAllHasGapsAfterCompaction"},
	{"tail-off-by-one", clients, "TestReadStream"},
	{"time-not-recovered", here, "TestTimeGoesOnWhereItWas"},
	{"tombstone-forgotten", clients, "TestTombstoneIsForEver"},
}

// The two suites, by their folders.
const (
	here    = "."
	clients = "conformance"
)

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// TestPlantedBugsAreNoticed runs the tests once without a bug, and then for each
// bug those that are to notice it.
func TestPlantedBugsAreNoticed(t *testing.T) {
	suites := map[string]string{here: os.Args[0], clients: compiled(t, "./"+clients)}
	for suite, program := range suites {
		var all []string
		for _, p := range plantedBugs {
			if p.suite == suite {
				all = append(all, p.tests)
			}
		}
		if out, err := suffer(program, suite, "", strings.Join(all, "|")); err != nil {
			t.Fatalf("%s without any bug: %v\n%s", suite, err, out)
		}
	}
	caught := 0
	for _, p := range plantedBugs {
		out, err := suffer(suites[p.suite], p.suite, p.bug, p.tests)
		by := "nobody"
		if first := failedTest.FindSubmatch(out); first != nil {
			by = string(first[1])
		} else if err != nil {
			by = "a crash or a hang"
		}
		t.Logf("%-24s noticed by %s", p.bug, by)
		if err == nil {
			t.Errorf("%s: nobody noticed", p.bug)
			continue
		}
		caught++
	}
	t.Logf("%d of %d planted bugs were noticed", caught, len(plantedBugs))
}

// compiled is the test binary of a package with the bugs in it.
func compiled(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "suite.test")
	if out, err := exec.Command("go", "test", "-c", "-tags", "planted", "-o", program, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// suffer runs tests of a suite in a process of their own, with a bug.
func suffer(program, dir, bug, tests string) ([]byte, error) {
	limit, often := "25s", "3" // some bugs make tests wait in vain, and some show most of the time
	if bug == "" {
		limit, often = "3m", "1"
	}
	cmd := exec.Command(program, "-test.run", "^("+tests+")$", "-test.timeout", limit, "-test.failfast", "-test.count", often)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "LOGSERVER_PLANTED="+bug, "REEVE_CRASH_ROUNDS=40") // of power cuts, until one is noticed
	return cmd.CombinedOutput()
}
