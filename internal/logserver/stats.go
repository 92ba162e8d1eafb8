package logserver

import (
	"encoding/json"
	"net/http"
)

// statistics is what GET /stats answers.
type statistics struct {
	Version     string  `json:"version"`
	LogID       string  `json:"logId"`
	Head        uint64  `json:"head"`
	Mark        uint64  `json:"mark"`
	Appends     uint64  `json:"appends"`
	Refused     uint64  `json:"refused"`
	Events      uint64  `json:"events"`
	Batches     uint64  `json:"batches"`
	LastSync    float64 `json:"lastSyncSeconds"`
	Reads       uint64  `json:"reads"`
	Sent        uint64  `json:"sent"`
	Subscribers int64   `json:"subscribers"`
	DiskFull    bool    `json:"diskFull"`
}

// serveStats shows the counters to operators.
func (s *Server) serveStats(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !s.gate.operator(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="event log"`)
		http.Error(w, "only administrators and operators may see this", http.StatusUnauthorized)
		return
	}
	n := s.Stats()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(statistics{ // fails only when the caller is gone
		Version: serverVersion, LogID: s.LogID().String(), Head: n.Head, Mark: n.Mark,
		Appends: n.Appends, Refused: n.Refused, Events: n.Events, Batches: n.Batches,
		LastSync: n.LastSync.Seconds(), Reads: n.Reads, Sent: n.Sent,
		Subscribers: n.Subscribers, DiskFull: n.DiskFull,
	})
}
