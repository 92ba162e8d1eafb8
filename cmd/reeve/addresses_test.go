package main

import (
	"bytes"
	"net"
	"strings"
	"testing"
)

func TestWrongAddressesAreRefusedByTheirKey(t *testing.T) {
	const secret = "hunter2"
	for name, c := range map[string]struct{ key, value string }{
		"no data directory":        {"REEVE_DATA_DIR", ""},
		"no port":                  {"REEVE_HTTP_ADDR", "127.0.0.1"},
		"a port beyond the last":   {"REEVE_HTTP_ADDR", "127.0.0.1:65536"},
		"everybody's address":      {"REEVE_ADMIN_ADDR", "0.0.0.0:1"},
		"everybody's log":          {"REEVE_LOG_ADDR", ":2113"},
		"no log":                   {"REEVE_LOG_URL", "esdb://u:" + secret + "@:bad"},
		"somebody else's log":      {"REEVE_LOG_URL", "https://u:" + secret + "@log"},
		"no database":              {"REEVE_DATABASE_URL", "::" + secret},
		"somebody else's database": {"REEVE_DATABASE_URL", "mysql://u:" + secret + "@db"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("REEVE_DATA_DIR", t.TempDir())
			t.Setenv(c.key, c.value)
			var said bytes.Buffer
			term := quiet(nil)
			term.err = &said
			if code := run(t.Context(), term, []string{"dev"}); code != exitUsage || !strings.Contains(said.String(), c.key) || strings.Contains(said.String(), secret) {
				t.Errorf("exit %d: %s", code, said.String())
			}
		})
	}
}

func TestAnAddressInUseMeansAlreadyRunning(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	t.Setenv("REEVE_DATA_DIR", t.TempDir())
	t.Setenv("REEVE_LOG_ADDR", other.Addr().String())
	for _, verb := range [][]string{{"dev"}, {"log", "serve"}} {
		if code := run(t.Context(), quiet(nil), verb); code != exitRunning {
			t.Error(verb, code)
		}
	}
}
