package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// Config is where things are. Flags win over the environment, which wins over
// the file named by REEVE_CONFIG.
type Config struct {
	HTTPAddr    string `name:"http-addr" env:"REEVE_HTTP_ADDR" default:"127.0.0.1:8420" help:"Where the API listens."`
	AdminAddr   string `name:"admin-addr" env:"REEVE_ADMIN_ADDR" default:"127.0.0.1:8421" help:"Where metrics are served."`
	LogURL      string `name:"log-url" env:"REEVE_LOG_URL" help:"esdb:// address of an EventStoreDB; empty for the embedded log."`
	LogAddr     string `name:"log-addr" env:"REEVE_LOG_ADDR" default:"127.0.0.1:2113" help:"Where the embedded log listens."`
	DatabaseURL string `name:"database-url" env:"REEVE_DATABASE_URL" help:"postgres:// address; empty in dev for a local server."`
	ReaderURL   string `name:"reader-database-url" env:"REEVE_READER_DATABASE_URL" help:"postgres:// address with a login that may only read; serve needs one, dev makes its own for a local server."`
	DataDir     string `name:"data-dir" env:"REEVE_DATA_DIR" default:".reeve" help:"Where the embedded log and the local database keep their files."`
	KEKFile     string `name:"kek-file" env:"REEVE_KEK_FILE" help:"File with the key that names and secrets are derived from; in dev one is made in the data directory."`
	Zone        string `name:"zone" env:"REEVE_ZONE" default:"local" help:"Residency zone of this installation; nothing depends on it yet."`

	transport
	admission
	population

	selfAppointed bool          // whoever starts the server is its first administrator
	hardy         bool          // with a replica, the server starts without log and database
	AloneFor      time.Duration `name:"alone-for" env:"REEVE_ALONE_FOR" default:"24h" help:"For how long flags are answered and credentials believed while the log cannot be reached, a restart included; 0 for ever."`
	AccessLogKeep time.Duration `name:"access-log-keep" env:"REEVE_ACCESS_LOG_KEEP" default:"2160h" help:"How long it is remembered who read what; 0 for ever."`
	UsageEvery    time.Duration `name:"flag-usage-every" env:"REEVE_FLAG_USAGE_EVERY" default:"24h" help:"How often it is recorded at most that a flag is still evaluated at a node; 0 for never."`
	CompactEvery  time.Duration `name:"log-compact-every" env:"REEVE_LOG_COMPACT_EVERY" default:"0s" help:"How often the embedded log is compacted; 0 for on SIGUSR1 only."`
}

// errConfig: the configuration is half there or contradicts itself.
type errConfig struct{ key, why string }

func (e errConfig) Error() string { return e.key + ": " + e.why }

// key reads the key file. With make, a missing one is created with 32 random
// bytes, readable by its owner only.
func (c Config) key(make bool) ([]byte, error) {
	path := c.KEKFile
	if path == "" {
		if !make {
			return nil, errConfig{"REEVE_KEK_FILE", "is not set; names in the log are keyed with it, and it must stay the same for the life of the log"}
		}
		path = filepath.Join(c.DataDir, "kek")
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && make {
		return newKey(path)
	}
	if err != nil {
		return nil, errConfig{"REEVE_KEK_FILE", err.Error()}
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) < 32 {
		return nil, errConfig{"REEVE_KEK_FILE", path + " must hold at least 32 bytes in hexadecimal"}
	}
	return key, nil
}

func newKey(path string) ([]byte, error) {
	key := make([]byte, 32)
	rand.Read(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return key, os.WriteFile(path, []byte(hex.EncodeToString(key)+"\n"), 0o600)
}

// settings resolve flags from the YAML file named by REEVE_CONFIG, whose keys are
// those of the environment.
type settings map[string]string

func configFile() (settings, error) {
	values := settings{}
	if path := os.Getenv("REEVE_CONFIG"); path != "" {
		text, err := os.ReadFile(path)
		if err == nil {
			err = yaml.Unmarshal(text, &values)
		}
		if err != nil {
			return nil, errConfig{"REEVE_CONFIG", err.Error()}
		}
	}
	return values, nil
}

// Validate refuses a key that is no setting of any verb: a typing error must not
// become a default.
func (s settings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			for _, env := range f.Envs {
				known[env] = true
			}
		}
		return next(nil)
	})
	for _, key := range slices.Sorted(maps.Keys(s)) {
		if !known[key] {
			return errConfig{"REEVE_CONFIG", fmt.Sprintf("%q is no setting; the keys are those of the environment", key)}
		}
	}
	return err
}

// Resolve gives what the file says of a flag, unless the environment does.
func (s settings) Resolve(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
	for _, env := range f.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
		if v, ok := s[env]; ok {
			return v, nil
		}
	}
	return nil, nil
}
