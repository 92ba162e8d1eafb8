package estate

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Export writes everything there is in the format that Apply reads. Applying
// what was exported changes nothing.
func Export(ctx context.Context, api API, out io.Writer) error {
	w, err := look(ctx, api)
	if err != nil {
		return err
	}
	e := encoder(out)
	p := &Plan{world: w}
	for _, write := range []func(*output) error{p.exportIntegrators, p.exportTenants, p.exportQuotas, p.exportSegments, p.exportFlags, p.exportSets, p.exportOverrides, p.exportAssignments, p.exportApprovalRules} {
		if err := write(e); err != nil {
			return err
		}
	}
	return e.Close()
}

// Write writes documents in the format that Parse reads.
func Write(out io.Writer, docs []Document) error {
	e := encoder(out)
	for _, d := range docs {
		if err := e.Encode(exported{d.Kind, d.Name, d.Spec}); err != nil {
			return err
		}
	}
	return e.Close()
}

// An output writes documents, or nothing at all.
type output struct {
	*yaml.Encoder
	began bool
}

func encoder(out io.Writer) *output {
	e := yaml.NewEncoder(out)
	e.SetIndent(2)
	return &output{Encoder: e}
}

// Encode writes one document.
func (o *output) Encode(v any) error {
	o.began = true
	return o.Encoder.Encode(v)
}

// Close ends the file. An encoder that has written nothing cannot be closed.
func (o *output) Close() error {
	if !o.began {
		return nil
	}
	return o.Encoder.Close()
}

// exported is one document on its way out.
type exported struct {
	Kind string `yaml:"kind"`
	Name string `yaml:"name"`
	Spec any    `yaml:"spec"`
}

func (p *Plan) exportIntegrators(e *output) error {
	for _, name := range sorted(p.world.integrators) {
		i := p.world.integrators[name]
		if name == directName {
			continue
		}
		spec := Integrator{Kind: i.Kind, PartnerID: i.PartnerID, OnboardingDate: day(i.OnboardingDate), Status: i.Lifecycle, Reason: i.StopReason, Contacts: i.Contacts}
		if err := e.Encode(exported{"Integrator", name, spec}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) exportTenants(e *output) error {
	names := p.names()
	names[directID] = "integrator:" + directName
	for _, slug := range sorted(p.world.tenants) {
		t := p.world.tenants[slug]
		if t.Status == "pending_deletion" {
			continue // a farewell is not declared
		}
		spec := Tenant{Name: t.Name, Kind: t.Kind, Integrator: strings.TrimPrefix(names[t.Integrator], "integrator:"), Status: t.Status, Contacts: t.Contacts}
		if t.Status == "suspended" {
			spec.Causes = t.Causes
		}
		if err := e.Encode(exported{"Tenant", slug, spec}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) exportQuotas(e *output) error {
	names := p.names()
	for _, id := range sorted(p.world.quotas) {
		q := p.world.quotas[id]
		slug, found := strings.CutPrefix(names[q.Tenant], "tenant:")
		if !found {
			continue
		}
		if err := e.Encode(exported{"Quota", q.Meter + "@" + slug, q.Quota}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) exportFlags(e *output) error {
	for _, key := range sorted(p.world.flags) {
		f := p.world.flags[key]
		if f.State == "archived" {
			continue
		}
		spec := Flag{Type: f.Type, Default: YAML(f.Default), Off: YAML(f.Off), Mode: f.Mode, Description: f.Description, Owner: f.Owner, Tags: f.Tags, Exposed: f.Exposed, Levels: f.Levels, Optional: f.Optional, Expires: f.Expires, State: f.State, Prerequisites: YAML(lean(f.Prerequisites))}
		if len(f.Variants) > 0 {
			spec.Variants = variants(f.Variants)
		}
		if err := e.Encode(exported{"Flag", key, spec}); err != nil {
			return err
		}
	}
	return nil
}

func variants(all map[string]json.RawMessage) map[string]yaml.Node {
	out := make(map[string]yaml.Node, len(all))
	for name, v := range all {
		out[name] = YAML(v)
	}
	return out
}

func (p *Plan) exportOverrides(e *output) error {
	names := p.names()
	for _, id := range sorted(p.world.overrides) {
		o := p.world.overrides[id]
		where := names[o.Node]
		if o.Level == "user" {
			where = "user:" + o.Node + "@" + p.slugOf(o.Parent)
		}
		if where == "" || p.given(o) {
			continue // of a node that is no more, or of a contract
		}
		spec := FlagOverride{Variant: o.Variant, ValidFrom: moment(o.ValidFrom), ValidUntil: moment(o.ValidUntil), Locked: o.Locked, Reason: o.SaidBy.Reason}
		if o.Variant == "" {
			spec.Value = YAML(o.Value)
		}
		spec.Rules, spec.Split = YAML(lean(o.Rules)), YAML(lean(o.Split))
		if err := e.Encode(exported{"FlagOverride", o.Flag + "@" + where, spec}); err != nil {
			return err
		}
	}
	return nil
}

// day writes a midnight as a day and anything else as an instant.
func day(t time.Time) string {
	switch t = t.UTC(); {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(24 * time.Hour)):
		return t.Format(time.DateOnly)
	}
	return moment(&t)
}

func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
