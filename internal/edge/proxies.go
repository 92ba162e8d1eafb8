package edge

import (
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Proxies are the addresses whose word counts about where a request comes from.
type Proxies []netip.Prefix

// A ProxyError refuses what is neither an address nor a CIDR prefix.
type ProxyError struct{ Text string }

// Error says what was expected.
func (e *ProxyError) Error() string {
	return `"` + e.Text + `" is neither an address nor a prefix such as 10.0.0.0/8`
}

// UnmarshalText reads addresses and prefixes, separated by commas.
func (p *Proxies) UnmarshalText(b []byte) error {
	var list Proxies
	for text := range strings.SplitSeq(string(b), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if a, bare := netip.ParseAddr(text); bare == nil {
			prefix, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return &ProxyError{text}
		}
		list = append(list, prefix.Masked())
	}
	*p = list
	return nil
}

func (p Proxies) trust(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(a) })
}

// hostname is what may stand in X-Forwarded-Host.
var hostname = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// unwrap rewrites a request to what it was before proxies passed it on, and
// reports whether it came over TLS, to us or to the proxy. Of what a stranger
// claims nothing counts, so the request of a stranger stays as it is.
func (p Proxies) unwrap(r *http.Request) (secure bool) {
	if len(p) == 0 || !p.trust(sourceAddr(r)) {
		return r.TLS != nil
	}
	if a := p.source(r); a.IsValid() {
		r.RemoteAddr = netip.AddrPortFrom(a, 0).String()
	}
	if host := last(r.Header, "X-Forwarded-Host"); hostname.MatchString(host) {
		r.Host = host
	}
	if scheme := last(r.Header, "X-Forwarded-Proto"); scheme != "" {
		return strings.EqualFold(scheme, "https")
	}
	return r.TLS != nil
}

// source is the last address of X-Forwarded-For that was not written by a trusted
// proxy about a trusted one: what stands before it may be anybody's invention.
func (p Proxies) source(r *http.Request) (a netip.Addr) {
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return a
		}
		if a = next.Unmap().WithZone(""); !p.trust(a) {
			return a
		}
	}
	return a
}

// last is the last member of a header that is a list: what the nearest proxy says.
func last(h http.Header, name string) string {
	lines := h.Values(name)
	if len(lines) == 0 {
		return ""
	}
	line := lines[len(lines)-1]
	return strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:])
}

// sourceAddr is where a request comes from, the zero address if that is not known.
func sourceAddr(r *http.Request) netip.Addr {
	a, _ := netip.ParseAddr(sourceIP(r))
	return a
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
