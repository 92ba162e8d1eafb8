package change

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Open proposes a command. Its author must be allowed to give it.
type Open struct {
	Node      domain.NodeID   `json:"node" path:"node" doc:"The node that the command is about; platform for one that names none."`
	Operation string          `json:"operation" maxLength:"100" doc:"Name of the command, as in GraphQL, such as overrideFlag."`
	Input     json.RawMessage `json:"input" doc:"Its input: the members of path, query and body in one object."`
	Summary   string          `json:"summary,omitempty" maxLength:"500" doc:"What it is for, for those who will approve it."`

	id       ID
	foreseen Foreseen
}

// Opened: the command is proposed.
type Opened struct {
	Request   ID              `json:"request"`
	Node      domain.NodeID   `json:"node"`
	Operation string          `json:"operation"`
	Input     json.RawMessage `json:"input" pii:"person"`
	Summary   string          `json:"summary,omitempty"`
	Foreseen  Foreseen        `json:"foreseen"`
	By        domain.Actor    `json:"by"`
}

// Change gives what is proposed.
func (e Opened) Change() (before, after any) { return nil, e.Foreseen }

// Stream names the request's history.
func (c Open) Stream() domain.StreamID { return Stream(c.id) }

// Reads names the node, which the fact belongs to.
func (c Open) Reads(Request) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Named gives the request its id.
func (c Open) Named(id uuid.UUID) Open {
	c.id = ID(id.String())
	return c
}

// Chosen is none: ids of requests are made.
func (c Open) Chosen() string { return "" }

// Concerns is the request.
func (c Open) Concerns() ID { return c.id }

// Where is the node that it is about.
func (c Open) Where() domain.NodeID { return c.Node }

// Proposes is the command.
func (c Open) Proposes(Request) (operation string, input json.RawMessage) {
	return c.Operation, c.Input
}

// Foresaw tells what it would change.
func (c Open) Foresaw(f Foreseen) Open {
	c.foreseen = f
	return c
}

// Decide applies the rule.
func (c Open) Decide(r Request, m domain.Meta) ([]domain.Event, error) {
	if err := r.site.Takes(c.Node); err != nil {
		return nil, err
	}
	return []domain.Event{Opened{c.id, c.Node, c.Operation, c.Input, c.Summary, c.foreseen, m.Actor}}, nil
}
