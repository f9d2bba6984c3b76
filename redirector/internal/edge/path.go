package edge

import "strings"

// A route is what a path says: which code, and what stands behind it.
type route struct {
	code    string // lower case, not yet known to be well-shaped
	token   string // raw, as it stands behind the code; "" = none
	private bool   // /{code}/private: the recipient opted out
	tail    bool   // something that mail software left follows
}

// parsePath reads a path as it came over the wire, escapes and all.
//
//	/Zk3v9q7m2c4x/r-18273.d240fec7273c2d14b5dba4365108172e%27
//	 code         token                                    tail
//
// The code ends at the first character that no code has. A tail starts at the first character outside
// [A-Za-z0-9_/.-]; slashes and dots that end the path are no part of anything. Escapes of characters inside that set
// are read as the character: RFC 3986 calls the two spellings the same.
func parsePath(path string) route {
	if path == "" || path[0] != '/' {
		return route{}
	}
	text, tail := plain(path[1:])
	text = strings.TrimRight(text, "/.")
	end := 0
	for end < len(text) && codeByte(text[end]) {
		end++
	}
	if end == 0 {
		return route{}
	}
	r := route{code: strings.ToLower(text[:end]), tail: tail}
	if end == len(text) || text[end] != '/' {
		return r // "/code.html" and the like: whatever follows a known code, it redirects
	}
	r.token = text[end+1:]
	if first, _, _ := strings.Cut(r.token, "/"); strings.EqualFold(first, "private") {
		r.token, r.private = "", true
	}
	return r
}

// plain returns the part of path before its tail, unescaped, and whether there is a tail. It allocates only when the
// path holds an escape that means a plain character.
func plain(path string) (text string, tail bool) {
	for i := 0; i < len(path); i++ {
		if plainByte(path[i]) {
			continue
		}
		if c, ok := unescape(path[i:]); ok && plainByte(c) {
			return plainSlow(path, i)
		}
		return path[:i], true
	}
	return path, false
}

func plainSlow(path string, from int) (text string, tail bool) {
	b := append(make([]byte, 0, len(path)), path[:from]...)
	for i := from; i < len(path); i++ {
		c := path[i]
		if !plainByte(c) {
			var ok bool
			if c, ok = unescape(path[i:]); !ok || !plainByte(c) {
				return string(b), true
			}
			i += 2
		}
		b = append(b, c)
	}
	return string(b), false
}

func unescape(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	hi, lo := hexDigit(s[1]), hexDigit(s[2])
	return hi<<4 | lo&15, hi < 16 && lo < 16
}

func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

func plainByte(c byte) bool { return codeByte(c) || c == '/' || c == '.' }

func codeByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || c == '-' || c == '_'
}
