package logserver

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A smallDisk has so much room and says how much of it is left.
type smallDisk struct {
	vfs.FS
	dir  string
	room atomic.Int64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	left := d.room.Load()
	err := filepath.WalkDir(d.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // files go while we look
		}
		if info, err := e.Info(); err == nil {
			left -= info.Size()
		}
		return nil
	})
	return vfs.DiskUsage{AvailBytes: uint64(max(left, 0))}, err
}

// A full disk refuses appends, with an answer that the official client can tell
// from others. Everything that was acknowledged can be read meanwhile, and when
// there is room again, the same server goes on.
func TestSmallDisk(t *testing.T) {
	t.Run("counted", func(t *testing.T) {
		d := &smallDisk{FS: vfs.Default, dir: t.TempDir()}
		d.room.Store(DefaultDiskReserve + 40<<20)
		fillUp(t, d.dir, d, func() { d.room.Add(64 << 20) })
	})
	dir := t.TempDir()
	if syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128m") != nil {
		return // only root may; the one above has shown it
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	t.Run("mounted", func(t *testing.T) {
		ballast := filepath.Join(dir, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 48<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		fillUp(t, filepath.Join(dir, "log"), vfs.Default, func() {
			if err := os.Remove(ballast); err != nil {
				t.Error(err)
			}
		})
	})
}

func fillUp(t *testing.T, dir string, files vfs.FS, free func()) {
	s, result := served(t, dir, files)
	t.Cleanup(func() { _ = s.Close() }) // if it comes to that
	client := dial(t, s)
	written := 0
	add := func() error {
		e := esdb.EventData{EventType: "T", ContentType: esdb.ContentTypeBinary, Data: bytes.Repeat([]byte{byte(written)}, 256<<10)}
		_, err := client.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, e)
		if err == nil {
			written++
		}
		return err
	}
	until := func(what string, want codes.Code) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; {
			err := add()
			if status.Code(err) == want && s.Stats().DiskFull == (want != codes.OK) {
				break
			}
			if err != nil && status.Code(err) != codes.ResourceExhausted || time.Now().After(deadline) {
				t.Fatalf("%s after %d: %v, %v, %+v", what, written, err, s.Err(), s.Stats())
			}
		}
	}
	until("filling", codes.ResourceExhausted)
	refused := written
	if n := readBack(t, client); n != refused {
		t.Errorf("%d of %d can be read while it is full", n, refused)
	}
	free()
	until("going on", codes.OK)
	if n := readBack(t, client); n != written || written <= refused {
		t.Errorf("%d of %d can be read afterwards", n, written)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	if v, err := Verify(t.Context(), dir, nil); err != nil || v.Found > 0 || v.Events != uint64(written) {
		t.Errorf("%+v, %v", v, err)
	}
}

func dial(t *testing.T, s *Server) *esdb.Client {
	t.Helper()
	conf, err := esdb.ParseConnectionString(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	conf.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func readBack(t *testing.T, client *esdb.Client) (n int) {
	t.Helper()
	r, err := client.ReadStream(t.Context(), "s", esdb.ReadStreamOptions{From: esdb.Start{}}, math.MaxUint64)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil || !bytes.Equal(e.Event.Data, bytes.Repeat([]byte{byte(n)}, 256<<10)) {
			t.Fatalf("event %d: %v", n, err)
		}
		n++
	}
}
