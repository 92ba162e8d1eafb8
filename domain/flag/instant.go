package flag

import (
	"cmp"
	"time"
)

// An instant is a point in time as conditions compare it.
type instant struct {
	second int64 // since 1970, in UTC
	nano   int32
}

func (i instant) compare(o instant) int {
	return cmp.Or(cmp.Compare(i.second, o.second), cmp.Compare(i.nano, o.nano))
}

// parseInstant reads RFC 3339, section 5.6. The standard library would do, but for
// allocating a zone for each offset and an error for whatever is no instant.
func parseInstant(s string) (i instant, ok bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[4] != '-' || s[7] != '-' || s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return i, false
	}
	year, month, day := decimal(s[:4]), decimal(s[5:7]), decimal(s[8:10])
	hour, minute, second := decimal(s[11:13]), decimal(s[14:16]), decimal(s[17:19])
	if year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return i, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	nano, rest, fine := fraction(s[19:])
	offset, zoned := zone(rest)
	return instant{t.Unix() - offset, nano}, t.Day() == day && fine && zoned
}

// fraction reads the part of a second that may come before a zone, to the nanosecond.
func fraction(s string) (nano int32, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	unit, n := int32(100_000_000), 1
	for ; n < len(s) && '0' <= s[n] && s[n] <= '9'; n++ {
		nano += int32(s[n]-'0') * unit
		unit /= 10
	}
	return nano, s[n:], n > 1
}

// zone reads an offset from UTC, in seconds.
func zone(s string) (offset int64, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != len("+01:00") || s[3] != ':' || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hour, minute := decimal(s[1:3]), decimal(s[4:6])
	offset = int64(hour)*3600 + int64(minute)*60
	if s[0] == '-' {
		offset = -offset
	}
	return offset, 0 <= hour && hour < 24 && 0 <= minute && minute < 60
}

// decimal reads digits, and is negative for anything else.
func decimal(s string) (n int) {
	if !digits(s) {
		return -1
	}
	for i := range len(s) {
		n = 10*n + int(s[i]-'0')
	}
	return n
}
