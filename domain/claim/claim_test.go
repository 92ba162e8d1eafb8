package claim_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/claim"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const (
	value domain.StreamID = "uniq-tenant-slug-00ff"
	mine  domain.StreamID = "tenant-5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11"
	other domain.StreamID = "tenant-c4e0a9b3-1d2e-4f6a-9b8c-7d6e5f4a3b22"
)

var (
	fact      = uuid.MustParse("8a6e0804-2bd0-5672-b79d-d97027f9071a")
	later     = uuid.MustParse("1b4db7eb-4057-5ddf-91e0-36dec72071f5")
	reserved  = Reserved{"tenant-slug", mine, fact}
	confirmed = Confirmed{mine}
	released  = Released{mine}

	records = testkit.Records
	nothing = testkit.Nothing()
	notHeld = testkit.Fails(ErrNotHeld)
)

// A row is what a command does to a value in each state.
type row struct {
	free, reserved, confirmed, released, others, reservedAgain testkit.Expectation
}

func (r row) in(t *testing.T, cmd domain.Command[Value]) {
	t.Helper()
	for _, c := range []struct {
		name string
		past []domain.Event
		want testkit.Expectation
	}{
		{"nobody ever had", nil, r.free},
		{"we reserved", []domain.Event{reserved}, r.reserved},
		{"we hold", []domain.Event{reserved, confirmed}, r.confirmed},
		{"we gave back", []domain.Event{reserved, confirmed, released}, r.released},
		{"somebody else reserved", []domain.Event{Reserved{"tenant-slug", other, fact}}, r.others},
		{"somebody else holds", []domain.Event{Reserved{"tenant-slug", other, fact}, Confirmed{other}}, r.others},
		{"we reserved for a later fact", []domain.Event{reserved, Reserved{"tenant-slug", mine, later}}, r.reservedAgain},
	} {
		t.Run("a value "+c.name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), cmd).Meets(t, c.want) })
	}
}

func TestReserve(t *testing.T) {
	row{
		free:          records(reserved),
		reserved:      nothing,
		confirmed:     nothing,
		released:      records(reserved),
		others:        testkit.Fails(ErrSlugTaken),
		reservedAgain: nothing,
	}.in(t, Reserve{value, "tenant-slug", mine, fact})
}

func TestReserveSaysWhatIsTaken(t *testing.T) {
	for kind, want := range map[string]error{
		"tenant-slug":     ErrSlugTaken,
		"integrator-name": ErrBusinessNameTaken,
		"user-login":      ErrLoginTaken,
		"user-identity":   ErrIdentityTaken,
		"colour":          ErrValueTaken,
	} {
		t.Run(kind, func(t *testing.T) {
			testkit.When(testkit.Given(Reserved{kind, other, fact}), Reserve{value, kind, mine, fact}).ThenFails(t, want)
		})
	}
}

func TestConfirm(t *testing.T) {
	row{
		free:          notHeld,
		reserved:      records(confirmed),
		confirmed:     nothing,
		released:      notHeld,
		others:        notHeld,
		reservedAgain: records(confirmed),
	}.in(t, Confirm{value, mine})
}

func TestRelease(t *testing.T) {
	row{
		free:          nothing,
		reserved:      records(released),
		confirmed:     records(released),
		released:      nothing,
		others:        notHeld,
		reservedAgain: records(released),
	}.in(t, Release{Name: value, Holder: mine})
}

// Who lost the race of two commands of one holder must not give back what the
// winner holds.
func TestReleaseOfAReservationForAFactThatNeverCame(t *testing.T) {
	t.Run("a value we reserved for an earlier fact too", func(t *testing.T) {
		testkit.When(testkit.Given(reserved, Reserved{"tenant-slug", mine, later}), Release{value, mine, later}).Then(t)
	})
	row{
		free:          nothing,
		reserved:      records(released),
		confirmed:     nothing,
		released:      nothing,
		others:        notHeld,
		reservedAgain: nothing,
	}.in(t, Release{value, mine, fact})
}

func TestChooseIdentifier(t *testing.T) {
	first := IdentifierChosen{fact, "f1"}
	choose := ChooseIdentifier{CommandStream("00ff"), fact, "f1"}
	t.Run("the first choice is written down", func(t *testing.T) {
		testkit.When(testkit.Given(), choose).Then(t, first)
	})
	t.Run("and stands", func(t *testing.T) {
		again := choose
		again.ID, again.Fingerprint = later, "f2"
		testkit.When(testkit.Given(first), again).Then(t)
	})
	t.Run("whatever is written after it", func(t *testing.T) {
		got := domain.Fold(Identifier{}, first, IdentifierChosen{later, "f2"})
		if got != (Identifier{fact, "f1"}) {
			t.Fatal(got)
		}
	})
}

func TestStreams(t *testing.T) {
	if got := Stream("tenant-slug", "00ff"); got != value {
		t.Error(got)
	}
	if got := CommandStream("00ff"); got != "cmd-00ff" {
		t.Error(got)
	}
	for _, c := range []interface{ Stream() domain.StreamID }{
		Reserve{Name: value}, Confirm{Name: value}, Release{Name: value}, ChooseIdentifier{Name: value},
	} {
		if c.Stream() != value {
			t.Errorf("%T: %s", c, c.Stream())
		}
	}
}

var asked = []domain.Command[Value]{
	Reserve{value, "tenant-slug", mine, fact}, Reserve{value, "tenant-slug", mine, later}, Reserve{value, "tenant-slug", other, fact},
	Confirm{value, mine}, Confirm{value, other}, Release{value, mine, uuid.Nil}, Release{value, other, fact},
}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	happened := append(slices.Clone(samples), Reserved{"tenant-slug", other, later}, Released{other}, "not an event of ours")
	testkit.Steady(t, happened, asked)
	testkit.Steady(t, happened, []domain.Command[Identifier]{ChooseIdentifier{value, fact, "f1"}, ChooseIdentifier{value, later, "f2"}})
}

func TestAHeldValueHasAHolder(t *testing.T) {
	testkit.Walk(t, nil, asked, func(v Value) bool { return (v.Status == StatusFree) == (v.Holder == "") })
}

// samples is one of each event, with every member filled.
var samples = []domain.Event{reserved, confirmed, released, IdentifierChosen{fact, "f1"}}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, samples...) }
