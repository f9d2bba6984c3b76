package rewrite

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// A value is the text of a URL as a reader takes it, and where each byte of it stands in the source: entities are
// resolved, line breaks and tabs inside are dropped, white space around is cut off, as browsers do.
type value struct {
	text string
	at   []int // place of each byte, and of the end; nil if they follow one another
	from int   // place of the first byte
}

// place returns where byte i of the text stands in the source.
func (v *value) place(i int) int {
	if v.at == nil {
		return v.from + i
	}
	return v.at[i]
}

// newValue reads source[from:to].
func newValue(source string, from, to int, entities bool) value {
	for from < to && blank(source[from]) {
		from++
	}
	for from < to && blank(source[to-1]) {
		to--
	}
	raw := source[from:to]
	if strings.ContainsAny(raw, "\t\r\n") || entities && strings.Contains(raw, "&") {
		return resolve(raw, from, entities)
	}
	return value{text: raw, from: from}
}

func resolve(raw string, from int, entities bool) value {
	text, at := make([]byte, 0, len(raw)), make([]int, 0, len(raw)+1)
	for i := 0; i < len(raw); {
		char, n := raw[i:i+1], 1
		if entities && raw[i] == '&' {
			char, n = entity(raw[i:])
		}
		for j := range len(char) {
			if c := char[j]; c != '\t' && c != '\r' && c != '\n' {
				text, at = append(text, c), append(at, from+i)
			}
		}
		i += n
	}
	first, last := 0, len(text)
	at = append(at, from+len(raw))
	for first < last && blank(text[first]) {
		first++
	}
	for first < last && blank(text[last-1]) {
		last--
	}
	return value{text: string(text[first:last]), at: at[first : last+1], from: at[first]}
}

// blank reports whether browsers cut a byte off the ends of a URL. NUL they see as a character.
func blank(c byte) bool { return c <= ' ' && c != 0 }

// longEntity bounds the name of an entity; the longest one that exists has 32 bytes.
const longEntity = 40

// entity returns the characters that a text beginning with & stands for in an attribute, and its length. There a name
// without ; is an entity only if neither a letter, a digit nor = follows: &copy=1 is a parameter.
func entity(text string) (char string, n int) {
	n = 1
	if n < len(text) && text[n] == '#' {
		n++
	}
	for n < len(text) && n < longEntity && (letter(text[n]) || '0' <= text[n] && text[n] <= '9') {
		n++
	}
	closed := n < len(text) && text[n] == ';'
	if closed {
		n++
	}
	found := html.UnescapeString(text[:n])
	switch {
	case found == text[:n]:
	case text[1] == '#': // what is left of the text was no part of the number
		_, size := utf8.DecodeRuneInString(found)
		return found[:size], n - (len(found) - size)
	case closed && (found == ";" || found[len(found)-1] != ';'): // else only the beginning of the name is an entity
		return found, n
	case !closed && utf8.RuneCountInString(found) == 1 && (n == len(text) || text[n] != '='):
		return found, n
	}
	return "&", 1
}
