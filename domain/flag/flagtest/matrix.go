// Package flagtest reads the behaviour matrix of flags: cases as data, so that
// everything that evaluates flags can be held against the same files.
package flagtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade/cascadetest"
	"github.com/reeve-platform/reeve/domain/flag"
)

// Where the matrix evaluates: a user of a tenant of an integrator.
const (
	Integrator domain.IntegratorID = "11111111-1111-4111-8111-111111111111"
	Tenant     domain.TenantID     = "33333333-3333-4333-8333-333333333333"
	User       domain.UserID       = "55555555-5555-4555-8555-555555555555"
)

// A Subject is a flag and what the levels say about it.
type Subject struct {
	flag.Definition
	Status flag.Status                   `json:"status"` // active if left out
	Layers map[domain.Level]flag.Setting `json:"layers"`

	Requires []flag.Prerequisite `json:"requires"`
}

// A Case is one row of the matrix. The user counts if the case names its key or
// lets it say something; otherwise the tenant itself is meant.
type Case struct {
	Name string   `json:"name"`
	Flag flag.Key `json:"flag"` // its own, for where buckets matter
	Subject
	Key        string         `json:"key"` // targeting key; the user's id if left out
	Attributes map[string]any `json:"attributes"`
	At         time.Time      `json:"at"`

	Flags    map[flag.Key]Subject                `json:"flags"`    // others, whose names are theirs alone
	Segments map[flag.SegmentKey]flag.Membership `json:"segments"` // whose names are theirs alone

	Want   json.RawMessage `json:"want"`
	By     domain.Level    `json:"by"` // decider; empty for the fallback
	Reason flag.Reason     `json:"reason"`
	Cause  flag.Cause      `json:"cause"`
	Rule   string          `json:"rule"`
	Bucket *int            `json:"bucket"`

	Blocker string `json:"blocker"`
}

// Load reads every file of the matrix in dir.
func Load(t testing.TB, dir string) (cases []Case) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no matrix in %s: %v", dir, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var rows []any
		if err := yaml.Unmarshal(text, &rows); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, row := range rows {
			c := read(t, file, row)
			c.Name = filepath.Base(file) + ": " + c.Name
			if c.Flag == "" {
				c.Flag = flag.Key(fmt.Sprintf("flag-case-%03d", len(cases)))
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// read takes a row as the JSON that it could be, so that what is in it is spelled
// as in requests and events.
func read(t testing.TB, file string, row any) (c Case) {
	t.Helper()
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		t.Fatalf("%s: %s: %v", file, text, err)
	}
	if c.At.IsZero() {
		c.At = cascadetest.Noon
	}
	c.complete()
	for k, other := range c.Flags {
		other.complete()
		c.Flags[k] = other
	}
	return c
}

func (s *Subject) complete() {
	if s.Type == "" {
		s.Type = flag.JSON
	}
	if s.Status == "" {
		s.Status = flag.StatusActive
	}
	if s.Off == nil {
		s.Off = json.RawMessage(`"off"`)
	}
}

// Personal reports whether the case is about the user, and not the tenant itself.
func (c Case) Personal() bool {
	_, says := c.Layers[domain.UserLevel]
	return says || c.Key != ""
}

// Context is whom the case is about.
func (c Case) Context() *flag.Context {
	out := &flag.Context{Key: c.Key, Tenant: Tenant, Integrator: Integrator, Attributes: c.Attributes}
	if c.Personal() {
		out.User = User
		if out.Key == "" {
			out.Key = string(User)
		}
	}
	return out
}

// State is the state of the subject's definition.
func (s Subject) State(key flag.Key) flag.Flag {
	return flag.Flag{Key: key, Status: s.Status, Definition: s.Definition, Prerequisites: s.Requires}
}

// Ladder is what the levels say, from the platform down.
func (s Subject) Ladder() (layers []flag.Layer) {
	for _, level := range cascadetest.Levels {
		if said, ok := s.Layers[level]; ok {
			layers = append(layers, said.Layer(level, domain.NodeID(level)))
		}
	}
	return layers
}

// Input is what the case is evaluated with.
func (c Case) Input() flag.Input {
	in := flag.Input{Standing: domain.Usable, At: c.At, Context: c.Context()}
	in.Segments = func(k flag.SegmentKey) *flag.Audience {
		if m, there := c.Segments[k]; there {
			return m.Audience()
		}
		return nil
	}
	in.Prerequisites = func(k flag.Key, in flag.Input) (flag.Evaluation, error) {
		other := c.Flags[k]
		return flag.Evaluate(other.State(k), in, other.Ladder()...)
	}
	for _, other := range c.Flags {
		in.Breaks = append(in.Breaks, flag.Breaks(other.Ladder())...)
	}
	return in
}

// Facts are what must be in the log for the case to hold, by the streams they are
// told on.
func (c Case) Facts() map[domain.StreamID][]domain.Event {
	facts := map[domain.StreamID][]domain.Event{}
	for k, m := range c.Segments {
		facts[flag.SegmentStream(k)] = []domain.Event{flag.SegmentDefined{Segment: k, Membership: m}}
	}
	for k, other := range c.Flags {
		other.tell(k, facts)
	}
	c.tell(c.Flag, facts)
	return facts
}

func (s Subject) tell(key flag.Key, facts map[domain.StreamID][]domain.Event) {
	life := []domain.Event{flag.Defined{Flag: key, Definition: s.Definition}, flag.Activated{Flag: key, From: flag.StatusDraft}}
	if s.Status == flag.StatusKilled {
		life = append(life, flag.Killed{Flag: key, From: flag.StatusActive})
	}
	facts[flag.Stream(key)] = life
	if len(s.Requires) > 0 {
		facts[flag.GraphStream] = append(facts[flag.GraphStream], flag.PrerequisitesSet{Flag: key, Prerequisites: s.Requires})
	}
	for level, said := range s.Layers {
		node, parent := Place(level)
		stream := domain.StreamID("nodeflags-" + node)
		facts[stream] = append(facts[stream], flag.Overridden{Node: node, Level: level, Parent: parent, Flag: key, Setting: said})
	}
}

// Place is where a level of the matrix is in the tree.
func Place(level domain.Level) (node, parent domain.NodeID) {
	switch level {
	case domain.IntegratorLevel:
		return domain.NodeID(Integrator), domain.PlatformID
	case domain.TenantLevel:
		return domain.NodeID(Tenant), domain.NodeID(Integrator)
	case domain.UserLevel:
		return domain.NodeID(User), domain.NodeID(Tenant)
	}
	return domain.PlatformID, ""
}
