package foreign

import (
	"encoding/json"

	"gopkg.in/yaml.v3"

	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/estate"
)

// Documents are what was imported as an estate file says it.
func (im *Import) Documents() (docs []estate.Document) {
	for _, s := range im.Segments {
		docs = append(docs, estate.Document{Kind: "Segment", Name: string(s.Key), Spec: &estate.Segment{
			Description: s.Description, Included: s.Included, Excluded: s.Excluded, Any: listed(s.Any, len(s.Any))}})
	}
	for _, f := range im.Flags {
		docs = append(docs, estate.Document{Kind: "Flag", Name: string(f.Key), Spec: f.spec()})
	}
	for _, f := range im.Flags {
		if o := f.Override; o != nil {
			spec := &estate.FlagOverride{Variant: o.Variant, Rules: listed(o.Rules, len(o.Rules))}
			if o.Split != nil {
				spec.Split = listed(o.Split, 1)
			}
			docs = append(docs, estate.Document{Kind: "FlagOverride", Name: string(f.Key) + "@platform", Spec: spec})
		}
	}
	return docs
}

func (f Flag) spec() *estate.Flag {
	spec := &estate.Flag{Type: string(f.Type), Default: estate.YAML(f.Default), Off: estate.YAML(f.Off), Description: f.Description, Owner: f.Owner, Tags: f.Tags, Exposed: f.Exposed, State: "active",
		Prerequisites: listed(f.Prerequisites, len(f.Prerequisites))}
	if f.Draft {
		spec.State = string(flag.StatusDraft)
	}
	if len(f.Variants) > 0 {
		spec.Variants = map[string]yaml.Node{}
	}
	for name, v := range f.Variants {
		spec.Variants[name] = estate.YAML(v)
	}
	return spec
}

// listed is something as YAML; nothing if there are none of it.
func listed(v any, n int) yaml.Node {
	if n == 0 {
		return yaml.Node{}
	}
	text, _ := json.Marshal(v) // it came out of JSON
	return estate.YAML(text)
}
