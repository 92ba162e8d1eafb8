package edge

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Header is that of the answer. What is changed in it once it is said what the answer is
// comes too late.
func (g *regular) Header() http.Header {
	if g.status != 0 && g.said == nil {
		g.said = g.header.Clone()
	}
	return g.header
}

// WriteHeader says what the answer is.
func (g *regular) WriteHeader(status int) {
	if g.status == 0 && status >= http.StatusOK {
		g.status = status
	}
}

// Write adds to the answer.
func (g *regular) Write(b []byte) (int, error) {
	g.WriteHeader(http.StatusOK)
	if bare(g.status) {
		return 0, http.ErrBodyNotAllowed
	}
	g.text = append(g.text, b...)
	return len(b), nil
}

// answer sends the answer, and reports whether another request may come.
func (g *regular) answer() (more bool) {
	more = !g.shortcut.leaving.Load() && g.header.Get("Connection") != "close"
	out, much := g.begin(more), len(g.text) > plainKept // which is not copied once more
	if !much {
		out = append(out, g.text...)
	}
	_, err := g.conn.Write(out)
	if much && err == nil {
		_, err = g.conn.Write(g.text)
	}
	g.status, g.said, g.text, g.out = 0, nil, room(g.text), room(out)
	clear(g.header)
	return more && err == nil
}

// begin writes what is sent before the body. How long that is, and whether more may come,
// is ours to say.
func (g *regular) begin(more bool) []byte {
	status, header := cmp.Or(g.status, http.StatusOK), g.header
	if g.said != nil {
		header = g.said
	}
	out := appendStatus(g.out[:0], status)
	header["Content-Length"], header["Connection"] = nil, nil
	if status == http.StatusNotModified {
		header["Content-Type"] = nil
	}
	if _, typed := header["Content-Type"]; !typed && len(g.text) > 0 && header["Content-Encoding"] == nil {
		header["Content-Type"] = []string{http.DetectContentType(g.text)}
	}
	for name, values := range header {
		for _, value := range values {
			out = appendField(out, name, value)
		}
	}
	out = append(time.Now().UTC().AppendFormat(append(out, "Date: "...), http.TimeFormat), "\r\n"...)
	if !more {
		out = append(out, "Connection: close\r\n"...)
	}
	if bare(status) {
		return append(out, "\r\n"...)
	}
	out = strconv.AppendInt(append(out, "Content-Length: "...), int64(len(g.text)), 10)
	return append(out, "\r\n\r\n"...)
}

// bare reports whether an answer has no body, RFC 9110 section 6.4.1.
func bare(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

func appendStatus(out []byte, status int) []byte {
	out = append(strconv.AppendInt(append(out, "HTTP/1.1 "...), int64(status), 10), ' ')
	if text := http.StatusText(status); text != "" {
		return append(append(out, text...), "\r\n"...)
	}
	return append(strconv.AppendInt(append(out, "status code "...), int64(status), 10), "\r\n"...)
}

func appendField(out []byte, name, value string) []byte {
	if !httpguts.ValidHeaderFieldName(name) {
		return out
	}
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
