package edge

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Header is that of the answer.
func (g *regular) Header() http.Header { return g.header }

// WriteHeader says what the answer is.
func (g *regular) WriteHeader(status int) {
	if g.status == 0 && status >= http.StatusOK {
		g.status = status
	}
}

// Write adds to the answer.
func (g *regular) Write(b []byte) (int, error) {
	g.WriteHeader(http.StatusOK)
	g.text = append(g.text, b...)
	return len(b), nil
}

// answer sends the answer, and reports whether another request may come.
func (g *regular) answer() (more bool) {
	more = !g.shortcut.leaving.Load() && g.header.Get("Connection") != "close"
	out := g.write(more)
	_, err := g.conn.Write(out)
	g.status, g.text, g.out = 0, room(g.text), room(out)
	clear(g.header)
	return more && err == nil
}

// write writes what is sent. The length is ours to say, and whether more may come.
func (g *regular) write(more bool) []byte {
	status := cmp.Or(g.status, http.StatusOK)
	out := append(strconv.AppendInt(append(g.out[:0], "HTTP/1.1 "...), int64(status), 10), ' ')
	if text := http.StatusText(status); text != "" {
		out = append(append(out, text...), "\r\n"...)
	} else {
		out = append(strconv.AppendInt(append(out, "status code "...), int64(status), 10), "\r\n"...)
	}
	g.header["Content-Length"], g.header["Connection"] = nil, nil
	if _, typed := g.header["Content-Type"]; !typed && len(g.text) > 0 && g.header["Content-Encoding"] == nil {
		g.header["Content-Type"] = []string{http.DetectContentType(g.text)}
	}
	for name, values := range g.header {
		for _, value := range values {
			out = appendField(out, name, value)
		}
	}
	out = append(time.Now().UTC().AppendFormat(append(out, "Date: "...), http.TimeFormat), "\r\n"...)
	if !more {
		out = append(out, "Connection: close\r\n"...)
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return append(out, "\r\n"...)
	}
	out = strconv.AppendInt(append(out, "Content-Length: "...), int64(len(g.text)), 10)
	return append(append(out, "\r\n\r\n"...), g.text...)
}

func appendField(out []byte, name, value string) []byte {
	if strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0 {
		value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	}
	return append(append(append(append(out, name...), ": "...), value...), "\r\n"...)
}

// room keeps room for the next answer, unless that is much.
func room(b []byte) []byte {
	if cap(b) > plainKept {
		return nil
	}
	return b[:0]
}
