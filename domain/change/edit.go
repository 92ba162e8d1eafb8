package change

import (
	"encoding/json"
	"strings"

	"github.com/reeve-platform/reeve/domain"
)

// Edit proposes another input for the command, as of now. Whoever has approved what
// it was before has to look again.
type Edit struct {
	Node    domain.NodeID   `json:"node" path:"node" doc:"The node that it is about."`
	Request ID              `json:"request" path:"request" doc:"The change request."`
	Input   json.RawMessage `json:"input" doc:"All of the command's input."`

	foreseen Foreseen
}

// Rebase proposes the same command as of now. It needs new approvals, because it may
// change something else by now.
type Rebase struct {
	Node    domain.NodeID `json:"node" path:"node" doc:"The node that it is about."`
	Request ID            `json:"request" path:"request" doc:"The change request."`

	foreseen Foreseen
}

// Edited: the request stands for something else. Its approvals are void.
type Edited struct {
	Request  ID              `json:"request"`
	Edition  int             `json:"edition"`
	Input    json.RawMessage `json:"input" pii:"person"`
	Foreseen Foreseen        `json:"foreseen"`
	Before   Foreseen        `json:"before"`
	Void     int             `json:"void,omitempty"` // approvals that do not count any more
	By       domain.Actor    `json:"by"`
}

// Change gives what it stood for and stands for.
func (e Edited) Change() (before, after any) { return e.Before, e.Foreseen }

// Stream names the request's history.
func (c Edit) Stream() domain.StreamID { return Stream(c.Request) }

// Reads names the node, which the fact belongs to.
func (c Edit) Reads(Request) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Concerns is the request.
func (c Edit) Concerns() ID { return c.Request }

// Where is the node that it is about.
func (c Edit) Where() domain.NodeID { return c.Node }

// Proposes is the command with its new input.
func (c Edit) Proposes(r Request) (operation string, input json.RawMessage) {
	return r.Operation, c.Input
}

// Foresaw tells what it would change.
func (c Edit) Foresaw(f Foreseen) Edit {
	c.foreseen = f
	return c
}

// Decide applies the rule.
func (c Edit) Decide(r Request, m domain.Meta) ([]domain.Event, error) {
	if err := r.at(c.Node, "edited", unended...); err != nil {
		return nil, err
	}
	return []domain.Event{r.edited(c.Request, c.Input, c.foreseen, m.Actor)}, nil
}

func (r Request) edited(id ID, input json.RawMessage, f Foreseen, by domain.Actor) Edited {
	return Edited{id, r.Edition + 1, input, f, r.Foreseen, len(r.Approvals), by}
}

// Stream names the request's history.
func (c Rebase) Stream() domain.StreamID { return Stream(c.Request) }

// Reads names the node, which the fact belongs to.
func (c Rebase) Reads(Request) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Concerns is the request.
func (c Rebase) Concerns() ID { return c.Request }

// Where is the node that it is about.
func (c Rebase) Where() domain.NodeID { return c.Node }

// Proposes is the command as it was.
func (c Rebase) Proposes(r Request) (operation string, input json.RawMessage) {
	return r.Operation, r.Input
}

// Foresaw tells what it would change.
func (c Rebase) Foresaw(f Foreseen) Rebase {
	c.foreseen = f
	return c
}

// digest is what a preview is called but for the position that it was looked at.
func digest(preview string) string {
	_, digest, _ := strings.Cut(preview, "-")
	return digest
}

// Decide applies the rule. What still stands for the same keeps its approvals.
func (c Rebase) Decide(r Request, m domain.Meta) ([]domain.Event, error) {
	if err := r.at(c.Node, "rebased", unended...); err != nil {
		return nil, err
	}
	if digest(r.Foreseen.Preview) == digest(c.foreseen.Preview) && r.Status != IsOutdated && r.Status != IsFailed {
		return nil, nil
	}
	return []domain.Event{r.edited(c.Request, r.Input, c.foreseen, m.Actor)}, nil
}
