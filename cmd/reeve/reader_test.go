package main

import (
	"bytes"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
	"github.com/reeve-platform/reeve/migrations"
)

// readerOf is the URL of a login that may only read a database.
func readerOf(t testing.TB, database string) string {
	t.Helper()
	if err := migrations.Up(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	url, err := migrations.Reader(t.Context(), database, "reader_"+strings.ToLower(rand.Text()), rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// A login that the policies would not hold is refused before anybody can ask, and
// no address is repeated.
func TestServeRefusesAReaderThatCanDoMore(t *testing.T) {
	database, key := pgtest.Shared(t), filepath.Join(t.TempDir(), "kek")
	if _, err := newKey(key); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"REEVE_DATABASE_URL": database, "REEVE_READER_DATABASE_URL": database, "REEVE_KEK_FILE": key, "REEVE_DATA_DIR": t.TempDir(),
		"REEVE_HTTP_ADDR": "127.0.0.1:0", "REEVE_ADMIN_ADDR": "127.0.0.1:0", "REEVE_LOG_ADDR": "127.0.0.1:0"} {
		t.Setenv(name, value)
	}
	var said bytes.Buffer
	term := quiet(nil)
	term.err = &said
	code := run(t.Context(), term, []string{"serve"})
	if code != exitUsage || !strings.Contains(said.String(), "REEVE_READER_DATABASE_URL: "+migrations.ErrReader.Error()) || !strings.Contains(said.String(), "create role") || strings.Contains(said.String(), database) {
		t.Errorf("exit %d: %s", code, said.String())
	}
}
