package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// running is what a server in dev leaves in its data directory while it runs, so
// that verbs on the same machine find its log and database. The database's
// address holds a password: only the owner may read the file.
type running struct {
	HTTP     string `json:"http"`
	Log      string `json:"log"`
	Database string `json:"database"`
}

func runningFile(dataDir string) string { return filepath.Join(dataDir, "running.json") }

func (r running) write(dataDir string) (remove func() error, err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	path := runningFile(dataDir)
	return func() error { return os.Remove(path) }, os.WriteFile(path, text, 0o600)
}

// find completes what the configuration leaves open with what runs here.
func (c Config) find() (Config, error) {
	if c.DatabaseURL != "" && c.LogURL != "" {
		return c, nil
	}
	var r running
	text, err := os.ReadFile(runningFile(c.DataDir))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return c, errConfig{"REEVE_DATABASE_URL", "is not set, and no reeve dev runs on " + c.DataDir}
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = r.Database
	}
	if c.LogURL == "" {
		c.LogURL = r.Log
	}
	return c, err
}
