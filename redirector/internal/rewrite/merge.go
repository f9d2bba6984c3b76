package rewrite

import "strings"

// A span is a range of bytes, [start, end).
type span struct{ start, end int }

// A form is one way of writing a merge tag. A tag ends at the first close; it is none if a byte of stop, or open once
// more, comes before.
type form struct {
	open, close string
	stop        string
	most        int  // bytes between open and close
	word        bool // begins with a letter, or = or _
}

const (
	longTag  = 1024
	shortTag = 256
)

// forms are the merge tags of email platforms, then those whose brackets an editor has escaped. Whoever fills in the
// first kind may fill in the second; who does not gets the same bytes passed on.
var forms = []form{
	{open: "{{{", close: "}}}", most: longTag},
	{open: "{{", close: "}}", most: longTag},
	{open: "{%", close: "%}", most: longTag},
	{open: "*|", close: "|*", stop: "*<>\"\n", most: shortTag},
	{open: "%%", close: "%%", stop: "%<>\"\n", most: shortTag, word: true},
	{open: "[[", close: "]]", stop: "[]<>\"\n", most: shortTag},
	{open: "${", close: "}", stop: "{<>\"\n", most: shortTag},
	{open: "%7b%7b", close: "%7d%7d", stop: "{}<>\"\n", most: shortTag},
	{open: "%7b%25", close: "%25%7d", stop: "{}<>\"\n", most: shortTag},
	{open: "*%7c", close: "%7c*", stop: "*<>\"\n", most: shortTag},
	{open: "%5b%5b", close: "%5d%5d", stop: "[]<>\"\n", most: shortTag},
	{open: "$%7b", close: "%7d", stop: "{}<>\"\n", most: shortTag},
}

// mergeTags returns the merge tags of a text, in their order.
func mergeTags(text string) (tags []span) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '*', '%', '[', '$':
			if end := tagEnd(text, i); end > 0 {
				tags = append(tags, span{i, end})
				i = end - 1
			}
		}
	}
	return tags
}

// tagEnd returns where the merge tag that begins at i ends, or 0.
func tagEnd(text string, i int) int {
	for f := range forms {
		if !hasFold(text[i:], forms[f].open) {
			continue
		}
		if n := forms[f].inside(text[i+len(forms[f].open):]); n > 0 {
			return i + len(forms[f].open) + n + len(forms[f].close)
		}
	}
	return 0
}

// inside returns how many bytes stand before close, or 0 if text does not continue a merge tag.
func (f *form) inside(text string) int {
	for n := range min(len(text), f.most) {
		c := text[n]
		switch {
		case hasFold(text[n:], f.close):
			return n
		case n == 0 && f.word && !letter(c) && c != '=' && c != '_':
			return 0
		case strings.IndexByte(f.stop, c) >= 0, n > 0 && hasFold(text[n:], f.open):
			return 0
		}
	}
	return 0
}

// hasFold reports whether text begins with a word of lower case, in any case.
func hasFold(text, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if c := text[i]; c != word[i] && (c < 'A' || c > 'Z' || c|0x20 != word[i]) {
			return false
		}
	}
	return true
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// masking stands for every byte of a merge tag. It means nothing to HTML and is no part of any name.
const masking = 0x01

// mask returns the text with its merge tags made meaningless: what stands in one, quotes and brackets included, is no
// markup. All places stay what they are.
func mask(text string) []byte {
	masked := []byte(text)
	for _, tag := range mergeTags(text) {
		for i := tag.start; i < tag.end; i++ {
			masked[i] = masking
		}
	}
	return masked
}

// controls are the first words of merge tags that decide about what stands between them.
var controls = []string{"if", "else", "elif", "elseif", "elsif", "unless", "end", "endif", "for", "endfor", "range", "with", "each", "case", "when", "ifnot", "block"}

// control reports whether a merge tag decides about what follows it, instead of being replaced by a value.
func control(tag string) bool {
	inner := strings.TrimLeft(tag, "{%*|[$~- \t\r\n")
	if inner == "" {
		return false
	}
	if tag[0] == '{' && strings.IndexByte("#/^", inner[0]) >= 0 {
		return true
	}
	end := 0
	for end < len(inner) && letter(inner[end]) {
		end++
	}
	for _, word := range controls {
		if strings.EqualFold(inner[:end], word) {
			return true
		}
	}
	return false
}
