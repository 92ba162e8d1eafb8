package conformance

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// Frame types of HTTP/2 (RFC 9113 section 6).
const (
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7
)

func writeFrame(w io.Writer, kind byte, payload string) error {
	head := []byte{0, 0, byte(len(payload)), kind, 0, 0, 0, 0, 0}
	_, err := w.Write(append(head, payload...))
	return err
}

func readFrame(r io.Reader) (kind byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	size := int64(binary.BigEndian.Uint32(head[:4]) >> 8)
	_, err = io.CopyN(io.Discard, r, size)
	return head[3], err
}

// The transport's own default takes the third ping without a call for an
// attack and hangs up. Official clients ping for ever: by default each ten
// seconds, here a little slower than each second.
func TestPingsOfAnIdleClientAreTolerated(t *testing.T) {
	w := start(t)
	pings, spacing := 4, 1100*time.Millisecond
	if target != w.url || long {
		pings, spacing = 6, 10*time.Second
	}
	conn := w.dial()
	_, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	w.must(err)
	w.must(writeFrame(conn, frameSettings, ""))
	tick := time.NewTicker(spacing)
	defer tick.Stop()
	for range pings {
		<-tick.C
		w.must(writeFrame(conn, framePing, "pingping"))
		awaitPong(t, conn)
	}
}

func awaitPong(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		switch kind, err := readFrame(conn); {
		case err != nil || kind == frameGoAway:
			t.Fatalf("the server hung up: frame %d, %v", kind, err)
		case kind == framePing:
			return
		}
	}
}

// An official client whose subscription hears nothing for a minute is still
// connected, and hears the next event.
func TestIdleSubscriptionSurvives(t *testing.T) {
	idle := 2 * time.Second
	if long {
		idle = time.Minute
	}
	w := visit(t, target, idle+time.Minute)
	s := w.name("s")
	one, all := w.follow(s, esdb.Start{}), w.followAll(esdb.SubscribeToAllOptions{From: esdb.End{}})
	w.hear(one, "caught up")
	w.hear(all, "caught up")
	<-time.After(idle)
	w.append(s, esdb.Any{}, event(0))
	w.same("stream", []string{"s/0"}, w.hear(one, "s/0"))
	w.same("$all", []string{"s/0"}, w.hear(all, "s/0"))
}
