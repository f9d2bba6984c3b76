package command

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"longtail/redirector/internal/rewrite"
)

// around is how many bytes of its line are shown before and behind a change: some mails are one line.
const around = 60

// writeDiff shows the changes with what stands around them in their lines. Changes that stand close together are shown as
// one.
func writeDiff(out io.Writer, source string, edits []rewrite.Edit) {
	line, counted := 1, 0
	for len(edits) > 0 {
		start, end := surroundings(source, edits[0])
		n := 1
		for n < len(edits) && edits[n].At < end {
			_, end = surroundings(source, edits[n])
			n++
		}
		line += strings.Count(source[counted:start], "\n")
		counted = start
		var old, now strings.Builder
		at := start
		for _, e := range edits[:n] {
			old.WriteString(source[at:e.At] + e.Old)
			now.WriteString(source[at:e.At] + e.New)
			at = e.At + len(e.Old)
		}
		rest := source[at:end]
		fmt.Fprintf(out, "@@ line %d @@\n%s%s", line, marked("-", old.String()+rest), marked("+", now.String()+rest))
		edits = edits[n:]
	}
}

// surroundings returns the range of a change's lines that is shown.
func surroundings(source string, e rewrite.Edit) (start, end int) {
	start = max(strings.LastIndexByte(source[:e.At], '\n')+1, e.At-around)
	for start < e.At && !utf8.RuneStart(source[start]) {
		start++
	}
	behind := e.At + len(e.Old)
	end = len(source)
	if i := strings.IndexByte(source[behind:], '\n'); i >= 0 {
		end = behind + i
	}
	end = min(end, behind+around)
	for end < len(source) && end > behind && !utf8.RuneStart(source[end]) {
		end--
	}
	return start, end
}

func marked(sign, text string) string {
	return sign + strings.ReplaceAll(shown(text), "\n", "\n"+sign) + "\n"
}

// shown takes out what a terminal would obey.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return -1
		case unicode.IsControl(r) && r != '\n' && r != '\t':
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// cropped shortens what is too long for a line of a report.
func cropped(text string) string {
	const most = 200
	if len(text) <= most {
		return strings.ReplaceAll(text, "\n", " ")
	}
	return cropped(strings.ToValidUTF8(text[:most-3], "")) + "..."
}
