package edge

import (
	"encoding/base64"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/reeve-platform/reeve/domain"
)

const unreadable = "must be UTF-8 without U+0000"

// readable text can be stored anywhere; Postgres for one cannot hold U+0000.
func readable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func (j *judge) text(s *huma.Schema, at []string, v any) any {
	text, ok := v.(string)
	if !ok {
		j.fault(at, "must be a string")
		return v
	}
	if s.Format == formatID || s.Format == formatNode {
		return j.id(s.Format, at, text)
	}
	if detail := wrongText(s, text); detail != "" {
		j.fault(at, detail)
		return v
	}
	if s.Format == "date-time" {
		return j.time(at, text)
	}
	if detail := wrongFormat(s, text); detail != "" {
		j.fault(at, detail)
	}
	return v
}

func (j *judge) id(format string, at []string, text string) any {
	var err error
	if format == formatNode {
		err = new(domain.NodeID).UnmarshalText([]byte(text))
	} else {
		err = new(domain.TenantID).UnmarshalText([]byte(text))
	}
	if err != nil || text == "" {
		j.point(at, "must be a UUID of version 4")
	}
	return strings.ToLower(text)
}

// time reads RFC 3339 with an offset and gives it in UTC, to the millisecond. The
// year 0 of RFC 3339 is none that PostgreSQL knows.
func (j *judge) time(at []string, text string) any {
	var t time.Time
	err := t.UnmarshalText([]byte(text))
	t = t.UTC().Truncate(time.Millisecond)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		j.fault(at, "must be a time with an offset, such as 2026-01-02T03:04:05Z")
		return text
	}
	return t.Format(time.RFC3339Nano)
}

func wrongText(s *huma.Schema, text string) string {
	n := utf8.RuneCountInString(text)
	switch {
	case !readable(text):
		return unreadable
	case s.MinLength != nil && n < *s.MinLength:
		return fmt.Sprintf("must have at least %d characters", *s.MinLength)
	case s.MaxLength != nil && n > *s.MaxLength:
		return fmt.Sprintf("must have at most %d characters", *s.MaxLength)
	case s.Enum != nil && !slices.Contains(s.Enum, any(text)):
		return "must be one of " + listed(s.Enum)
	case s.Pattern != "" && !expression(s.Pattern).MatchString(text):
		return "must match " + s.Pattern
	}
	return ""
}

func listed(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ", ")
}

func wrongFormat(s *huma.Schema, text string) string {
	switch {
	case s.Format == "email" && !isEmail(text):
		return "must be an e-mail address"
	case s.Format == "date" && !isDate(text):
		return "must be a date such as 2026-01-02"
	case s.Format == "uri" && !isURI(text):
		return "must be an absolute URI"
	case s.ContentEncoding == "base64" && !isBase64(text):
		return "must be base64"
	}
	return ""
}

func isEmail(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}

func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

func isURI(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.IsAbs()
}

func isBase64(text string) bool {
	_, err := base64.StdEncoding.DecodeString(text)
	return err == nil
}

var expressions sync.Map // of *regexp.Regexp by pattern; patterns come from tags only

func expression(pattern string) *regexp.Regexp {
	if e, ok := expressions.Load(pattern); ok {
		return e.(*regexp.Regexp)
	}
	e, _ := expressions.LoadOrStore(pattern, regexp.MustCompile(pattern))
	return e.(*regexp.Regexp)
}
