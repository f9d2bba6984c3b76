package storage

import (
	"encoding/hex"
	"math"
	"strconv"
)

// values takes the values of rows of a statement: as arguments, or, where the dialect has literals, as text. For us the
// text costs a fifth of what it takes to box each value and to let database/sql and the driver look at it; for the server
// it costs more than all else, so it is for the rows that do not fill a prepared statement.
type values struct {
	args    []any
	literal []byte
	written bool // as text
	strings bool // a string is bound as it is: the driver sends it as it sends bytes
}

func (v *values) uint(n uint64) {
	if v.written {
		v.literal = append(strconv.AppendUint(v.literal, n, 10), ',')
		return
	}
	if n <= math.MaxInt64 { // database/sql knows what it is without reflection
		v.args = append(v.args, int64(n))
		return
	}
	v.args = append(v.args, n)
}

func (v *values) int(n int64) {
	if v.written {
		v.literal = append(strconv.AppendInt(v.literal, n, 10), ',')
		return
	}
	v.args = append(v.args, n)
}

// bytes adds a value of a binary column.
func (v *values) bytes(b []byte) {
	if v.written {
		v.literal = append(appendBytes(v.literal, b), ',')
		return
	}
	v.args = append(v.args, b)
}

// text adds a value of a binary column.
func (v *values) text(s string) {
	if v.written {
		v.literal = append(appendBytes(v.literal, s), ',')
		return
	}
	if v.strings {
		v.args = append(v.args, s)
		return
	}
	v.args = append(v.args, []byte(s))
}

// appendBytes writes any bytes as a literal. Between quotes stand only characters that mean themselves in every mode and
// character set of the server; whatever holds another one is written in hexadecimal.
func appendBytes[T string | []byte](b []byte, s T) []byte {
	if !quotable(s) {
		return append(hex.AppendEncode(append(b, "X'"...), []byte(s)), '\'')
	}
	return append(append(append(b, '\''), s...), '\'')
}

func quotable[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\'' || c == '\\' {
			return false
		}
	}
	return true
}
