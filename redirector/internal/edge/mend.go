package edge

import (
	"bytes"
	"net"
)

// Mail software cuts addresses where it likes: of "/code%27" there may come "/code%2". net/http refuses such a path
// before a handler sees it, but whatever follows a known code, it redirects. So a percent sign in a request line's path
// that begins no escape is replaced by an equals sign, which begins a tail as well.

// mendingListener gives connections whose request lines are mended.
type mendingListener struct{ net.Listener }

// Accept waits for the next connection.
func (l mendingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &mendingConn{Conn: conn}, nil
}

// mendingConn follows the requests of an HTTP/1 connection just closely enough to know its request lines. Behind a
// request with a body, which no click has, it stops looking. A percent sign among the last two bytes of a read stays as
// it is, rather than to hold bytes back: request lines come in one piece.
type mendingConn struct {
	net.Conn
	at    place
	begun bool   // something of a request line was read
	line  []byte // the beginning of the header line in hand
	body  bool   // a header of this request announced one
}

// place is where in a request the connection is.
type place uint8

const (
	inPath place = iota
	inQuery
	inHeader
	unknown
)

// lineStart is as much of a header line as its name can be told from.
const lineStart = len("transfer-encoding:")

// Read reads as the connection does. Between two requests only net/http's watch asks for a single byte: it wants to know,
// while an answer is made, whether the client goes away. It may as well hear nothing: an answer takes some microseconds,
// to watch over it takes as many, and the click counts whoever waits for it.
func (c *mendingConn) Read(b []byte) (int, error) {
	if len(b) == 1 && c.at == inPath && !c.begun {
		return 0, nil
	}
	n, err := c.Conn.Read(b)
	c.mend(b[:n])
	return n, err
}

func (c *mendingConn) mend(b []byte) {
	for len(b) > 0 {
		switch c.at {
		case inPath:
			b = c.path(b)
		case inQuery:
			b = c.query(b)
		case inHeader:
			b = c.header(b)
		default:
			return
		}
	}
}

// path mends up to the next byte that matters and returns what is behind it.
func (c *mendingConn) path(b []byte) []byte {
	c.begun = true
	i := bytes.IndexAny(b, "%?\n")
	if i < 0 {
		return nil
	}
	switch b[i] {
	case '?':
		c.at = inQuery
	case '\n':
		c.at = inHeader
	case '%':
		if i+2 < len(b) && (hexDigit(b[i+1]) > 15 || hexDigit(b[i+2]) > 15) {
			b[i] = '='
		}
	}
	return b[i+1:]
}

func (c *mendingConn) query(b []byte) []byte {
	_, rest, found := bytes.Cut(b, []byte("\n"))
	if found {
		c.at = inHeader
	}
	return rest
}

func (c *mendingConn) header(b []byte) []byte {
	line, rest, found := bytes.Cut(b, []byte("\n"))
	if !found || len(c.line) > 0 { // it comes in pieces
		room := max(0, lineStart-len(c.line))
		c.line = append(c.line, line[:min(room, len(line))]...)
		line = c.line
	}
	if !found {
		return nil
	}
	c.line = c.line[:0]
	line = bytes.TrimRight(line, "\r")
	switch {
	case len(line) == 0 && c.body:
		c.at = unknown
	case len(line) == 0:
		c.at, c.begun = inPath, false
	case startsFold(line, contentLength), startsFold(line, transferEncoding):
		c.body = true
	}
	return rest
}

// The headers that announce a body.
var contentLength, transferEncoding = []byte("content-length"), []byte("transfer-encoding")

func startsFold(line, name []byte) bool {
	return len(line) >= len(name) && line[0]|0x20 == name[0] && bytes.EqualFold(line[:len(name)], name)
}
