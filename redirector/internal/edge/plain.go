package edge

import (
	"strings"

	"golang.org/x/net/http/httpguts"
)

// A plainRequest is what nearly every click is: GET or HEAD of a path, one Host, no body, nothing that asks for more than
// an answer. It holds nothing of the buffer it was read from.
type plainRequest struct {
	Hit
	forwarded  [maxHopLines]string // the lines of X-Forwarded-For
	forwarders int
	hosts      int // how many lines named one
	seen       described
	old        bool // HTTP/1.0
	alive      bool // said keep-alive
	last       bool // said close
}

// described is which of the headers that describe who clicks were seen: the first line of each counts.
type described struct{ agent, referrer bool }

// maxHopLines is how many lines of X-Forwarded-For a plain request has at most. Proxies add to the line that is there.
const maxHopLines = 4

// parse reads the head of a request, its empty line included. It understands less than HTTP/1 allows and what it
// accepts it understands as net/http does (FuzzPlain); but for one thing: a percent sign of the path that begins no
// escape is read as an equals sign. Mail software cuts addresses where it likes, of "/code%27" there may come "/code%2",
// and whatever follows a known code, it redirects. net/http would refuse such a path.
//
// What is not plain is to be answered by net/http: RFC 9112, and how not to be fooled by it, are its business.
func (r *plainRequest) parse(head string) bool {
	*r = plainRequest{}
	line, rest, ok := cutLine(head)
	if !ok || !r.requestLine(line) {
		return false
	}
	for rest != "\r\n" {
		if line, rest, ok = cutLine(rest); !ok || !r.header(line) {
			return false
		}
	}
	if r.old {
		return r.hosts <= 1 && !r.alive // what wants to stay has to be told that it may
	}
	return r.hosts == 1
}

// cutLine cuts a line that ends as RFC 9112 wants it.
func cutLine(s string) (line, rest string, ok bool) {
	i := strings.IndexByte(s, '\n')
	if i < 1 || s[i-1] != '\r' {
		return "", "", false
	}
	return s[:i-1], s[i+1:], true
}

func (r *plainRequest) requestLine(line string) bool {
	method, line, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(line, " ")
	if method != "GET" && method != "HEAD" || !strings.HasPrefix(target, "/") || !visible(target) {
		return false
	}
	r.Method, r.old = method, version == "HTTP/1.0"
	path, query, _ := strings.Cut(target, "?")
	r.Path, r.RawQuery = mendEscapes(path), query
	return r.old || version == "HTTP/1.1"
}

// visible reports whether s has neither spaces nor control characters.
func visible(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// mendEscapes makes equals signs of the percent signs that begin no escape: they begin a tail as well.
func mendEscapes(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	var mended []byte
	for i := 0; i < len(path); i++ {
		if _, ok := unescape(path[i:]); ok || path[i] != '%' {
			continue
		}
		if mended == nil {
			mended = []byte(path)
		}
		mended[i] = '='
	}
	if mended == nil {
		return path
	}
	return string(mended)
}

// longestName is the length of the longest header name that means something here, transfer-encoding.
const longestName = 17

// header reads a header line, and passes by what means nothing here.
func (r *plainRequest) header(line string) bool {
	colon := strings.IndexByte(line, ':')
	if colon < 1 || !httpguts.ValidHeaderFieldName(line[:colon]) || !httpguts.ValidHeaderFieldValue(line[colon+1:]) {
		return false
	}
	if colon > longestName {
		return true
	}
	var lower [longestName]byte
	for i := range colon {
		lower[i] = line[i]
		if 'A' <= line[i] && line[i] <= 'Z' {
			lower[i] |= 0x20
		}
	}
	return r.field(lower[:colon], strings.Trim(line[colon+1:], " \t"))
}

func (r *plainRequest) field(name []byte, value string) bool {
	switch string(name) {
	case "host":
		r.hosts++
		r.Host = value
		return value != "" && httpguts.ValidHostHeader(value)
	case "user-agent":
		if !r.seen.agent {
			r.UserAgent, r.seen.agent = value, true
		}
	case "referer":
		if !r.seen.referrer {
			r.Referrer, r.seen.referrer = value, true
		}
	case "x-forwarded-for":
		if r.forwarders == maxHopLines {
			return false
		}
		r.forwarded[r.forwarders] = value
		r.forwarders++
	case "purpose", "sec-purpose", "x-moz", "x-purpose":
		r.Prefetch = r.Prefetch || announcesPrefetch(value)
	case "connection":
		return r.connection(value)
	case "content-length":
		return value == "0"
	case "transfer-encoding", "expect", "upgrade", "trailer":
		return false
	}
	return true
}

func (r *plainRequest) connection(value string) bool {
	switch {
	case strings.EqualFold(value, "close"):
		r.last = true
	case strings.EqualFold(value, "keep-alive"):
		r.alive = true
	default:
		return false
	}
	return true
}
