package edge_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/reeve-platform/reeve/internal/edge"
)

// A gateway is a listener that connections come to from wherever a test says.
type gateway struct {
	net.Listener
	arrived chan net.Conn
}

type arrival struct {
	net.Conn
	from net.Addr
}

func (a arrival) RemoteAddr() net.Addr { return a.from }

func (g *gateway) Accept() (net.Conn, error) {
	c, open := <-g.arrived
	if !open {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (g *gateway) Close() error {
	close(g.arrived)
	return nil
}

// dial is the client's end of a connection from an address.
func (g *gateway) dial(t *testing.T, from string) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	g.arrived <- arrival{far, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
	return near
}

func newGateway() *gateway { return &gateway{arrived: make(chan net.Conn, 100)} }

// accepted is the next connection, and where it is from.
func accepted(t *testing.T, l net.Listener) (net.Conn, string) {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c, c.RemoteAddr().String()
}

// refused: the other side has hung up.
func refused(c net.Conn) bool {
	_, err := c.Read(make([]byte, 1))
	return err != nil
}

func TestOneAddressDoesNotTakeAllConnections(t *testing.T) {
	g := newGateway()
	l := edge.Crowd{Most: 100, Share: 2, Apart: edge.Proxies{netip.MustParsePrefix("10.0.0.0/8")}}.Limit(g)
	defer l.Close()
	for _, from := range []string{"192.0.2.1:1", "192.0.2.1:2"} {
		g.dial(t, from)
		if _, at := accepted(t, l); at != from {
			t.Fatal(at)
		}
	}
	third := g.dial(t, "192.0.2.1:3")
	g.dial(t, "192.0.2.2:1")
	if _, at := accepted(t, l); at != "192.0.2.2:1" || !refused(third) {
		t.Error("beyond its share:", at)
	}
	for _, from := range []string{"[2001:db8::1]:1", "[2001:db8::2]:1"} {
		g.dial(t, from)
		accepted(t, l)
	}
	sixth := g.dial(t, "[2001:db8::3]:1")
	g.dial(t, "[2001:db8:0:1::1]:1")
	if _, at := accepted(t, l); at != "[2001:db8:0:1::1]:1" || !refused(sixth) {
		t.Error("a network of IPv6:", at)
	}
	for _, from := range []string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"} {
		g.dial(t, from)
		if _, at := accepted(t, l); at != from {
			t.Error("a proxy:", at)
		}
	}
}

func TestWhoeverLeavesMakesRoom(t *testing.T) {
	g := newGateway()
	l := edge.Crowd{Share: 1}.Limit(g)
	defer l.Close()
	g.dial(t, "192.0.2.1:1")
	first, _ := accepted(t, l)
	first.Close()
	first.Close() // which makes no room twice
	for _, from := range []string{"192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1"} {
		g.dial(t, from)
	}
	if _, at := accepted(t, l); at != "192.0.2.1:2" {
		t.Error(at)
	}
	if _, at := accepted(t, l); at != "192.0.2.2:1" {
		t.Error("closed twice counts twice:", at)
	}
}

func TestBeyondAllConnectionsTheNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway()
		l := edge.Crowd{Most: 2}.Limit(g)
		for _, from := range []string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"} {
			g.dial(t, from)
		}
		first, _ := accepted(t, l)
		accepted(t, l)
		var third net.Conn
		go func() { third, _ = l.Accept() }()
		synctest.Wait()
		if third != nil || len(g.arrived) != 1 {
			t.Fatal("there was room for a third")
		}
		first.Close()
		synctest.Wait()
		if third == nil || third.RemoteAddr().String() != "192.0.2.3:1" {
			t.Error("after one has left:", third)
		}
		var err error
		go func() { _, err = l.Accept() }()
		synctest.Wait()
		l.Close()
		synctest.Wait()
		if !errors.Is(err, net.ErrClosed) {
			t.Error("while it waits for room:", err)
		}
	})
}
