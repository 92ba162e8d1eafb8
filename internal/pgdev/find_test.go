package pgdev

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingBinariesSayWhatToInstall(t *testing.T) {
	nowhere := t.TempDir()
	_, err := search{path: nowhere, patterns: []string{filepath.Join(nowhere, "*", "bin")}}.find("")
	if !errors.Is(err, ErrMissing) {
		t.Fatalf("err = %v, want ErrMissing", err)
	}
	for _, word := range []string{"scripts/ensure-postgres.sh", "apt-get install postgresql", "brew install"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q", word)
		}
	}
}

// install makes a directory of binaries that only print a version.
func install(t *testing.T, dir, version string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + " (Plan 9)'\n"
	for _, name := range []string{"initdb", "postgres"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	old, recent := install(t, filepath.Join(root, "lib", "9", "bin"), "9.6.1"), install(t, filepath.Join(root, "lib", "17", "bin"), "17.2")
	path := install(t, filepath.Join(root, "path"), "15.14")
	links := filepath.Join(root, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(old, "initdb"), filepath.Join(links, "initdb")); err != nil {
		t.Fatal(err)
	}
	patterns := []string{filepath.Join(root, "lib", "*", "bin")}
	for name, c := range map[string]struct {
		path, major, want string
	}{
		"the newest version":             {"", "", recent},
		"PATH comes first":               {path, "", path},
		"links lead to the real place":   {links, "", old},
		"the version that wrote it":      {path, "17", recent},
		"a version that is not in front": {path, "9", old},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := search{c.path, patterns}.find(c.major)
			if err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
	if _, err := (search{path, patterns}).find("12"); err == nil || !strings.Contains(err.Error(), "install PostgreSQL 12") {
		t.Errorf("err = %v", err)
	}
}
