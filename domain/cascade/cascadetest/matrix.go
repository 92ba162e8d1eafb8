// Package cascadetest reads the behaviour matrix of the cascade: cases as data,
// so that every implementation of it can be held against the same files.
package cascadetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A Case is one row of the matrix.
type Case struct {
	Name     string
	Mode     cascade.Mode
	Fallback json.RawMessage
	At       time.Time
	Layers   []cascade.Layer // from the platform down
	Want     json.RawMessage
	By       domain.Level // decider; empty for the fallback
	Story    map[domain.Level]cascade.Ruling
}

// Noon is the instant of cases that do not name one.
var Noon = time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)

// Levels lists the levels from the platform down.
var Levels = []domain.Level{domain.PlatformLevel, domain.IntegratorLevel, domain.TenantLevel, domain.UserLevel}

type row struct {
	Name    string
	Mode    cascade.Mode
	Default any
	At      time.Time
	Layers  map[domain.Level]struct {
		Value       yaml.Node
		Locked      bool
		From, Until time.Time
	}
	Want  any
	By    domain.Level
	Story map[domain.Level]cascade.Ruling
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
		var rows []row
		if err := yaml.Unmarshal(text, &rows); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, r := range rows {
			r.Name = filepath.Base(file) + ": " + r.Name
			cases = append(cases, r.read(t))
		}
	}
	return cases
}

func (r row) read(t testing.TB) Case {
	c := Case{Name: r.Name, Mode: r.Mode, Fallback: jsonOf(t, r.Default), At: r.At, Want: jsonOf(t, r.Want), By: r.By, Story: r.Story}
	if c.Mode == "" {
		c.Mode = cascade.Replace
	}
	if c.At.IsZero() {
		c.At = Noon
	}
	for _, level := range Levels {
		l, there := r.Layers[level]
		if !there {
			continue
		}
		layer := cascade.Layer{Level: level, Node: domain.NodeID(level), Locked: l.Locked, From: l.From, Until: l.Until}
		if l.Value.Kind != 0 {
			var v any
			if err := l.Value.Decode(&v); err != nil {
				t.Fatal(err)
			}
			layer.Value = jsonOf(t, v)
		}
		c.Layers = append(c.Layers, layer)
	}
	return c
}

func jsonOf(t testing.TB, v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
