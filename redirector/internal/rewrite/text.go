package rewrite

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text plans the rewriting of a mail's plain text part. A link begins with http:// or https:// and ends where a mail
// program would end it: before white space, brackets of angle, quotation marks, and the punctuation of the sentence.
func Text(source string, o Options) *Plan {
	p := newPlan(source, o, false)
	masked := string(mask(source))
	for i := 0; i < len(masked); {
		at := strings.Index(masked[i:], "://")
		if at < 0 {
			break
		}
		start, ok := schemeStart(masked, i, i+at)
		host := i + at + len("://")
		i = host
		if !ok {
			continue
		}
		if end := urlEnd(masked, start, host); end > host {
			p.add(newValue(source, start, end, false), "")
			i = end
		}
	}
	return p
}

// schemeStart returns where a URL begins whose scheme ends at colon, if it is one of the web. It looks back to from at
// most.
func schemeStart(text string, from, colon int) (start int, ok bool) {
	for _, scheme := range []string{"https", "http"} {
		start = colon - len(scheme)
		if start >= from && strings.EqualFold(text[start:colon], scheme) {
			before, _ := utf8.DecodeLastRuneInString(text[from:start])
			return start, start == from || !unicode.IsLetter(before) && !unicode.IsDigit(before)
		}
	}
	return 0, false
}

// urlEnd returns where the URL ends whose host begins at host.
func urlEnd(text string, start, host int) int {
	end := host
	for end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		if r != masking && (unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"`«»“”„\u200b\ufeff", r)) {
			break
		}
		end += size
	}
	return host + len(trimmed(text[start:end])) - (host - start)
}

// trimmed returns url without the punctuation of the sentence around it; a closing bracket stays if it was opened inside.
func trimmed(url string) string {
	unopened := map[rune]int{}
	for closing, opening := range brackets {
		unopened[closing] = strings.Count(url, string(closing)) - strings.Count(url, opening)
	}
	for {
		r, size := utf8.DecodeLastRuneInString(url)
		_, bracket := brackets[r]
		switch {
		case bracket && unopened[r] > 0:
			unopened[r]--
		case bracket, size == 0, !strings.ContainsRune(".,;:!?'*…。，、；：！？’」』】》）", r):
			return url
		}
		url = url[:len(url)-size]
	}
}

var brackets = map[rune]string{')': "(", ']': "[", '}': "{"}
