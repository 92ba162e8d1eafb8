package main

import (
	"encoding/json"
	"net/http"

	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/internal/edge"
)

// eventCatalogue lists every event that can be in the log.
func eventCatalogue() ([]byte, error) {
	type event struct {
		Name    string   `json:"name"`
		Version int      `json:"version"`
		PII     []string `json:"pii,omitempty"`
	}
	var all []event
	for _, d := range events.Registry.Definitions() {
		all = append(all, event{d.Name, d.Version, d.PII})
	}
	text, err := json.MarshalIndent(map[string]any{"events": all}, "", "  ")
	return append(text, '\n'), err
}

// serveEvents tells auditors and their tools what the log can hold.
func serveEvents(w http.ResponseWriter, r *http.Request) {
	text, err := eventCatalogue()
	if err != nil {
		edge.Refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}
