package edge

import (
	"net"
	"net/netip"
	"sync"
)

// A Crowd is how many connections may be open at once. The zero value is any number.
// It bounds what the machine gives to connections before a request is read, which no
// other limit sees.
type Crowd struct {
	Most  int     // altogether; more wait until one is closed, 0 for any number
	Share int     // of these, from one address, or one /64 of IPv6; more are closed at once, 0 for any number
	Apart Proxies // addresses that many stand behind, and that have no share
}

// Limit is l with no more open connections than the crowd may be.
func (c Crowd) Limit(l net.Listener) net.Listener {
	if c.Most == 0 && c.Share == 0 {
		return l
	}
	limited := &crowded{Listener: l, crowd: c, from: map[netip.Addr]int{}, shut: make(chan struct{})}
	if c.Most > 0 {
		limited.room = make(chan struct{}, c.Most)
	}
	return limited
}

// A crowded listener counts who is in.
type crowded struct {
	net.Listener
	crowd Crowd
	room  chan struct{} // holds one for each open connection; nil for any number
	shut  chan struct{}
	once  sync.Once

	mu   sync.Mutex
	from map[netip.Addr]int
}

// Accept waits until there is room, then for a connection whose address has not used
// up its share. A connection that is refused never waits, so that one address can fill
// the room of its share, but not the queue before it.
func (l *crowded) Accept() (net.Conn, error) {
	if !l.enter() {
		return nil, net.ErrClosed
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.leave()
			return nil, err
		}
		at, fits := l.admit(c.RemoteAddr())
		if fits {
			return &counted{Conn: c, leave: sync.OnceFunc(func() { l.forget(at); l.leave() })}, nil
		}
		_ = c.Close() // whoever asks too much need not be told
	}
}

// Close stops listening, and whoever waits for room.
func (l *crowded) Close() error {
	l.once.Do(func() { close(l.shut) })
	return l.Listener.Close()
}

func (l *crowded) enter() bool {
	if l.room == nil {
		return true
	}
	select {
	case l.room <- struct{}{}:
		return true
	case <-l.shut:
		return false
	}
}

func (l *crowded) leave() {
	if l.room != nil {
		<-l.room
	}
}

// admit counts a connection where it comes from, unless that has its share. What has
// no address is nobody's.
func (l *crowded) admit(remote net.Addr) (at netip.Addr, fits bool) {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok || l.crowd.Share == 0 || l.crowd.Apart.trust(tcp.AddrPort().Addr()) {
		return netip.Addr{}, true
	}
	at = Block(tcp.AddrPort().Addr())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from[at] >= l.crowd.Share {
		return at, false
	}
	l.from[at]++
	return at, true
}

func (l *crowded) forget(at netip.Addr) {
	if !at.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from[at]--; l.from[at] == 0 {
		delete(l.from, at)
	}
}

// A counted connection leaves the crowd once.
type counted struct {
	net.Conn
	leave func()
}

// Close closes the connection and makes room.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite tells the other side that nothing more comes, so that it reads the last
// answer before the connection is gone.
func (c *counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
