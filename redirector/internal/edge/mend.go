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
	at   place
	line []byte // the beginning of the header line in hand
	body bool   // a header of this request announced one
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

// Read reads as the connection does.
func (c *mendingConn) Read(b []byte) (int, error) {
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
	part, rest, found := bytes.Cut(b, []byte("\n"))
	if room := lineStart - len(c.line); room > 0 {
		c.line = append(c.line, part[:min(room, len(part))]...)
	}
	if !found {
		return nil
	}
	line := bytes.ToLower(bytes.TrimRight(c.line, "\r"))
	c.line = c.line[:0]
	switch {
	case bytes.HasPrefix(line, []byte("content-length")), bytes.HasPrefix(line, []byte("transfer-encoding")):
		c.body = true
	case len(line) == 0 && c.body:
		c.at = unknown
	case len(line) == 0:
		c.at = inPath
	}
	return rest
}
