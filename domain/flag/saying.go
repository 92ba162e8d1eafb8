package flag

import "github.com/reeve-platform/reeve/domain"

// A Saying is that a node says Setting about a flag from now on, however it came
// to say so.
type Saying struct {
	Node   domain.NodeID `json:"node"`
	Level  domain.Level  `json:"level"`
	Parent domain.NodeID `json:"parent,omitempty"`
	Flag   Key           `json:"flag"`
	Setting
	Before *Setting `json:"before,omitempty"` // nil if the node said nothing
}

// Said is what the node says from now on.
func (s Saying) Said() Saying { return s }

// Houses tells the home of a user about whom something is said.
func (s Saying) Houses() (user, home domain.NodeID) {
	if s.Level != domain.UserLevel {
		return "", ""
	}
	return s.Node, s.Parent
}

// Change gives both settings.
func (s Saying) Change() (before, after any) {
	if s.Before == nil {
		return nil, s.Setting
	}
	return *s.Before, s.Setting
}
