package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

func TestWrongLogSecurityIsRefusedByItsKey(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("ann:hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key   string // that is named
		flags []string
	}{
		"a key alone":              {"REEVE_LOG_TLS_CERT", []string{"--log-tls-key=" + users}},
		"a certificate alone":      {"REEVE_LOG_TLS_KEY", []string{"--log-tls-cert=" + users}},
		"no certificate":           {"REEVE_LOG_TLS_CERT", []string{"--log-tls-cert=" + users, "--log-tls-key=" + users}},
		"users in the clear":       {"REEVE_LOG_USERS_FILE", []string{"--log-users-file=" + users}},
		"anonymous among nobody":   {"REEVE_LOG_ANONYMOUS", []string{"--log-anonymous"}},
		"insecure and TLS":         {"REEVE_LOG_INSECURE", []string{"--log-insecure", "--log-tls-cert=" + users, "--log-tls-key=" + users}},
		"everybody's address":      {"REEVE_LOG_INSECURE", []string{"--log-addr=0.0.0.0:0"}},
		"a port beyond the last":   {"REEVE_LOG_ADDR", []string{"--log-addr=0.0.0.0:65536", "--log-insecure"}},
		"no directory to speak of": {"REEVE_DATA_DIR", []string{"--data-dir="}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("REEVE_DATA_DIR", t.TempDir())
			t.Setenv("REEVE_LOG_ADDR", "127.0.0.1:0")
			var said bytes.Buffer
			term := quiet(nil)
			term.err = &said
			code := run(t.Context(), term, append([]string{"log", "serve"}, c.flags...))
			if code != exitUsage || !strings.Contains(said.String(), c.key) || strings.Contains(said.String(), "hunter2") {
				t.Errorf("exit %d: %s", code, said.String())
			}
		})
	}
}

func TestLogUsers(t *testing.T) {
	t.Setenv("REEVE_LOG_USERS_FILE", filepath.Join(t.TempDir(), "users"))
	said := func(in string, args ...string) (int, string) {
		var out, err bytes.Buffer
		term := quiet(nil)
		term.in, term.out, term.err = strings.NewReader(in), &out, &err
		code := run(t.Context(), term, append([]string{"log", "user"}, args...))
		return code, out.String() + err.String()
	}
	for _, step := range []struct {
		in   string
		args []string
		code int
		says string
	}{
		{"", []string{"add", "ann"}, 1, "no password"},
		{"hunter2\n", []string{"add", "ann", "--group=$admins", "--group=team"}, 0, ""},
		{"hunter3", []string{"add", "ann"}, 0, ""},
		{"hunter4\n", []string{"add", "$admins"}, 1, "begins with $"},
		{"", []string{"list", "--json"}, 0, `"$admins",`},
		{"", []string{"remove", "bob"}, 1, "no such user"},
		{"", []string{"remove", "ann"}, 0, ""},
		{"", []string{"list", "--json"}, 0, "[]"},
	} {
		code, says := said(step.in, step.args...)
		if code != step.code || !strings.Contains(says, step.says) || strings.Contains(says, "$2") || strings.Contains(says, "hunter") {
			t.Errorf("%v: exit %d: %s", step.args, code, says)
		}
	}
}

// Nobody takes history away from the log inside a server, whoever asks.
func TestTheEmbeddedLogKeepsHistory(t *testing.T) {
	s := inProcess(t, plainLog)
	conf, err := esdb.ParseConnectionString(s.logURL)
	if err != nil {
		t.Fatal(err)
	}
	conf.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(conf)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for stream, kept := range map[string]bool{"integrator-direct": true, "tenant-of-nobody": true, "snap-1": false, "meter-tick-1": false, "security-1": false} {
		hide := esdb.StreamMetadata{}
		hide.SetTruncateBefore(1)
		_, metadata := client.SetStreamMetadata(t.Context(), stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, hide)
		_, end := client.TombstoneStream(t.Context(), stream, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
		for what, err := range map[string]error{"truncation": metadata, "end": end} {
			var refused *esdb.Error
			denied := errors.As(err, &refused) && refused.Code() == esdb.ErrorCodeAccessDenied
			if denied != kept || !kept && err != nil {
				t.Errorf("%s of %s: %v", what, stream, err)
			}
		}
	}
}
