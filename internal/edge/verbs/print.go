package verbs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	"gopkg.in/yaml.v3"
)

// A Terminal is where verbs print: answers on Out, remarks on Err.
type Terminal struct {
	Out, Err io.Writer
	Width    int  // of Out in columns; 0 if it has no edge, such as a file
	Color    bool // Out is looked at by a person who wants colour
}

// Print writes an answer as a table, json or yaml. Of says what the answer is,
// for the columns of the table; nil if that is not known.
func (t *Terminal) Print(format string, answer []byte, of reflect.Type) error {
	switch format {
	case "json":
		return t.json(answer)
	case "yaml":
		return t.yaml(answer)
	}
	if item, list := itemOf(of); list {
		return t.list(answer, item)
	}
	return t.one(answer)
}

func (t *Terminal) json(answer []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(answer), "", "  "); err != nil {
		return ErrUnexpectedAnswer.Because(err)
	}
	b.WriteByte('\n')
	_, err := t.Out.Write(b.Bytes())
	return err
}

func (t *Terminal) yaml(answer []byte) error {
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	n, err := node(d)
	if err != nil {
		return ErrUnexpectedAnswer.Because(err)
	}
	e := yaml.NewEncoder(t.Out)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return err
	}
	return e.Close()
}

// node turns JSON into YAML with members in their order and numbers as written.
func node(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		if v == '{' {
			n.Kind = yaml.MappingNode
		}
		return n, children(d, n)
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}, nil
	}
	n := &yaml.Node{}
	return n, n.Encode(token)
}

// children reads up to the end of the array or object; names are texts.
func children(d *json.Decoder, n *yaml.Node) error {
	for d.More() {
		child, err := node(d)
		if err != nil {
			return err
		}
		n.Content = append(n.Content, child)
	}
	_, err := d.Token()
	return err
}

// more tells where a list goes on.
func (t *Terminal) more(next string) {
	if next != "" {
		fmt.Fprintf(t.Err, "there is more: --all, or --after %s\n", next)
	}
}
