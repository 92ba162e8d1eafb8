package graph

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

var update = flag.Bool("update", false, "write the golden files")

type (
	boatID string
	colour string
	sails  []colour

	// boat is an answer with a field of every sort.
	boat struct {
		hull
		ID     boatID          `json:"id" doc:"The boat."`
		Colour colour          `json:"colour" enum:"red,blue" doc:"Of its \"hull\"."`
		Sails  sails           `json:"sails"`
		Crew   []sailor        `json:"crew"`
		Mate   *sailor         `json:"mate,omitempty"`
		Log    json.RawMessage `json:"log"`
		Extra  map[string]any  `json:"extra"`
		Owner  string          `json:"-"`
	}
	hull struct {
		Built time.Time  `json:"built"`
		Sunk  *time.Time `json:"sunk,omitempty"`
		Tons  int64      `json:"tons"`
		Masts uint8      `json:"masts"`
		Draft float32    `json:"draft"`
		Mark  uuid.UUID  `json:"mark"`
	}
	sailor struct {
		Name string `json:"name" minLength:"1" doc:"Of the sailor."`
		Rank string `json:"rank,omitempty" enum:"mate,cook" doc:"On board."`
	}
	page[Row any] struct {
		Items []Row  `json:"items"`
		Next  string `json:"next,omitempty"`
	}
	launch struct {
		Boat boatID          `json:"boat" path:"boat" doc:"The boat."`
		At   time.Time       `json:"at,omitzero" doc:"When."`
		Tons int64           `json:"tons" doc:"Weight."`
		Crew []sailor        `json:"crew,omitempty" doc:"Who is aboard."`
		Log  json.RawMessage `json:"log" doc:"First page."`
	}
	boats struct {
		Limit  int      `json:"limit,omitempty" query:"limit" doc:"How many."`
		Colour []string `json:"colour,omitempty" query:"colour" enum:"red,blue" doc:"Only of these."`
	}
	nothing struct{}
	receipt struct {
		Position uint64 `json:"position"`
	}
)

var fleet = edge.With(0, []edge.Entry[int]{
	entry[launch, receipt]("launchBoat", "POST /v1/boats/{boat}/launch", "Put the boat to sea.", true),
	entry[nothing, receipt]("ringBell", "POST /v1/bell", "Ring the bell.", true),
	entry[boats, page[boat]]("boats", "GET /v1/boats", "Boats.", false),
})

func entry[I, O any](name, route, summary string, writes bool) edge.Entry[int] {
	return edge.Entry[int]{Name: name, Route: route, Needs: domain.NodeRead, Summary: summary, Writes: writes, Input: typeOf[I](), Output: typeOf[O]()}
}

var crews = []Relation{
	Relate("sisters", "Boats of the same colour.", func(b *boat) colour { return b.Colour },
		func(context.Context, edge.Request, []colour) ([][]boat, uint64, error) { return nil, 0, nil }),
	Relate("captain", "Who commands it.", func(b *boat) boatID { return b.ID },
		func(context.Context, edge.Request, []boatID) ([]*sailor, uint64, error) { return nil, 0, nil }),
}

func TestSchema(t *testing.T) {
	sdl, models := Describe(fleet, crews)
	golden(t, "testdata/fleet.graphql", sdl)
	golden(t, "testdata/fleet.json", string(models))
	if again, _ := Describe(fleet, crews); again != sdl {
		t.Error("the second time it reads otherwise")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// later is what came into the schema language after June 2018.
var later = regexp.MustCompile(`\brepeatable\b|@|\bextend\b|implements|"""`)

func TestSchemaIsOfJune2018(t *testing.T) {
	sdl := shapeOf(fleet, crews).print()
	if _, err := gqlparser.LoadSchema(&ast.Source{Input: sdl}); err != nil {
		t.Fatal(err)
	}
	if found := later.FindString(regexp.MustCompile(`(?m)^ *".*"$`).ReplaceAllString(sdl, "")); found != "" {
		t.Error("not in the grammar:", found)
	}
}

func TestNamesThatClash(t *testing.T) {
	type Boat struct {
		Name string `json:"name"`
	}
	entries := edge.With(0, []edge.Entry[int]{entry[nothing, Boat]("one", "GET /one", "", false), entry[nothing, uuidBoat]("two", "GET /two", "", false)})
	sdl := shapeOf(entries, nil).print()
	if !strings.Contains(sdl, "one: Boat\n") {
		t.Error(sdl)
	}
	defer func() {
		if recover() == nil {
			t.Error("a relation of an answer that nobody gives was accepted")
		}
	}()
	shapeOf(entries, crews)
}

type uuidBoat struct {
	ID uuid.UUID `json:"id"`
}
