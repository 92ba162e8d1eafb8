package edge

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// A NotLoopbackError refuses to serve plaintext on an address that others can
// reach: credentials would pass where anybody can read them.
type NotLoopbackError struct {
	Addr string // as it was given
}

// Code names the error, like the codes of package domain.
func (*NotLoopbackError) Code() string { return "not-loopback" }

// ExitCode is that of wrong usage.
func (*NotLoopbackError) ExitCode() int { return 2 }

// Error says why.
func (e *NotLoopbackError) Error() string {
	return fmt.Sprintf("not-loopback: %q can be reached from outside this machine; use 127.0.0.1 or [::1]", e.Addr)
}

// CheckAddr refuses what is no host:port, and what is not a loopback one; see
// [NotLoopbackError].
func CheckAddr(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen address: %w", err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("listen address: %q is no port from 0 to 65535", port)
	}
	if !IsLoopback(host) {
		return &NotLoopbackError{addr}
	}
	return nil
}

// Listen opens a TCP address, which must be a loopback one; see [NotLoopbackError].
func Listen(addr string) (net.Listener, error) {
	if err := CheckAddr(addr); err != nil {
		return nil, err
	}
	l, err := ListenAnywhere(addr)
	if err != nil {
		return nil, err
	}
	if t, ok := l.Addr().(*net.TCPAddr); !ok || !t.IP.IsLoopback() { // localhost can be made to mean anything
		_ = l.Close()
		return nil, &NotLoopbackError{addr}
	}
	return l, nil
}

// ListenAnywhere opens a TCP address that others may reach, for whoever has seen to
// it that what they say is encrypted.
func ListenAnywhere(addr string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
}

// IsLoopback reports whether a host name or address means this machine only.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
