package edge

import (
	"crypto/tls"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWhatProxiesSay(t *testing.T) {
	var trusted Proxies
	if err := trusted.UnmarshalText([]byte("10.0.0.0/8, 2001:db8::1")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		peer    string
		headers string // "name: value" by line
		source  string
		host    string
		secure  bool
	}{
		"nobody says anything":         {"192.0.2.1:5", "", "192.0.2.1", "example.com", false},
		"a stranger lies":              {"192.0.2.1:5", "X-Forwarded-For: 1.1.1.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: evil", "192.0.2.1", "example.com", false},
		"a proxy says all":             {"10.1.2.3:5", "X-Forwarded-For: 192.0.2.9\nX-Forwarded-Proto: https\nX-Forwarded-Host: api.example:8443", "192.0.2.9", "api.example:8443", true},
		"a proxy says nothing":         {"10.1.2.3:5", "", "10.1.2.3", "example.com", false},
		"what a client wrote before":   {"10.1.2.3:5", "X-Forwarded-For: 1.1.1.1, 192.0.2.9", "192.0.2.9", "example.com", false},
		"through two proxies":          {"10.1.2.3:5", "X-Forwarded-For: 1.1.1.1, 192.0.2.9, 10.9.9.9", "192.0.2.9", "example.com", false},
		"on two lines":                 {"10.1.2.3:5", "X-Forwarded-For: 192.0.2.9\nX-Forwarded-For: 10.9.9.9", "192.0.2.9", "example.com", false},
		"from a proxy itself":          {"10.1.2.3:5", "X-Forwarded-For: 10.9.9.9", "10.9.9.9", "example.com", false},
		"nonsense":                     {"10.1.2.3:5", "X-Forwarded-For: unknown", "10.1.2.3", "example.com", false},
		"nonsense before a proxy":      {"10.1.2.3:5", "X-Forwarded-For: 1.1.1.1, <script>, 10.9.9.9", "10.9.9.9", "example.com", false},
		"IPv6":                         {"[2001:db8::1]:5", "X-Forwarded-For: 2001:db8::9", "2001:db8::9", "example.com", false},
		"IPv4 in IPv6":                 {"[::ffff:10.1.2.3]:5", "X-Forwarded-For: ::ffff:192.0.2.9", "192.0.2.9", "example.com", false},
		"a neighbour of a proxy":       {"[2001:db8::2]:5", "X-Forwarded-For: 1.1.1.1", "2001:db8::2", "example.com", false},
		"the nearest says the scheme":  {"10.1.2.3:5", "X-Forwarded-Proto: https, http", "10.1.2.3", "example.com", false},
		"a host that is none":          {"10.1.2.3:5", "X-Forwarded-Host: a b/c", "10.1.2.3", "example.com", false},
		"a proxy that speaks plain":    {"10.1.2.3:5", "TLS: yes\nX-Forwarded-Proto: http", "10.1.2.3", "example.com", false},
		"a stranger on our own TLS":    {"192.0.2.1:5", "TLS: yes\nX-Forwarded-Proto: http", "192.0.2.1", "example.com", true},
		"headers nobody should set":    {"10.1.2.3:5", "X-Real-IP: 1.1.1.1\nForwarded: for=1.1.1.1", "10.1.2.3", "example.com", false},
		"the source of the connection": {"pipe", "X-Forwarded-For: 1.1.1.1", "pipe", "example.com", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			for line := range strings.SplitSeq(c.headers, "\n") {
				header, value, _ := strings.Cut(line, ": ")
				if header == "TLS" {
					r.TLS = &tls.ConnectionState{}
					continue
				}
				r.Header.Add(header, value)
			}
			if secure := trusted.unwrap(r); secure != c.secure || sourceIP(r) != c.source || r.Host != c.host {
				t.Error(secure, sourceIP(r), r.Host)
			}
		})
	}
}

func TestProxiesAreAddressesOrPrefixes(t *testing.T) {
	var p Proxies
	if err := p.UnmarshalText([]byte("")); err != nil || p != nil {
		t.Error(p, err)
	}
	for _, text := range []string{"proxy.example", "10.0.0.0/33", "10.0.0.1,x", "0/0", "*", "10.0.0.1 10.0.0.2"} {
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Error(text)
		}
	}
}
