package edge

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// appendAnswer appends r as it goes over the wire, in the order in which net/http would have it.
func appendAnswer(b []byte, r *Result, method string, last bool, now time.Time) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(r.Status)...)
	b = append(b, "\r\n"...)
	b = appendHeader(b, "Allow", r.Allow)
	b = append(b, "Cache-Control: private, no-store\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(r.Body)), 10)
	b = append(b, "\r\n"...)
	if r.Body != "" {
		b = append(b, "Content-Type: text/plain; charset=utf-8\r\n"...)
	}
	b = appendHeader(b, "Location", r.Location)
	b = appendHeader(b, "Retry-After", r.RetryAfter)
	if r.Body != "" {
		b = append(b, "X-Content-Type-Options: nosniff\r\n"...)
	}
	b = append(b, "X-Robots-Tag: noindex\r\nDate: "...)
	b = append(b, date(now)...)
	if last {
		b = append(b, "\r\nConnection: close"...)
	}
	b = append(b, "\r\n\r\n"...)
	if method != http.MethodHead {
		b = append(b, r.Body...)
	}
	return b
}

// newlines never reach a value: targets have none, and what is forwarded is escaped. If one did, it would not end the line.
var newlines = strings.NewReplacer("\n", " ", "\r", " ")

// appendHeader appends nothing for a value that is not set.
func appendHeader(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	if strings.ContainsAny(value, "\r\n") {
		value = newlines.Replace(value)
	}
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// lastDate is the Date line of the second in which the last answer was given.
var lastDate atomic.Pointer[dateOf]

type dateOf struct {
	second int64
	text   string
}

// date returns now as RFC 9110 wants it in a Date line.
func date(now time.Time) string {
	d := lastDate.Load()
	if d == nil || d.second != now.Unix() {
		d = &dateOf{now.Unix(), now.UTC().Format(http.TimeFormat)}
		lastDate.Store(d)
	}
	return d.text
}
