package rewrite

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// deepest bounds conditional comments inside one another: each level reads its inside once more.
const deepest = 4

// HTML plans the rewriting of a mail's HTML part. Links are the href of a and area, and of VML elements (v:roundrect, v:rect
// and the like), also inside Outlook's conditional comments; other comments, scripts, styles and the text of
// textarea and title hold none.
func HTML(source string, o Options) *Plan {
	s := &scanner{Plan: newPlan(source, o, true), masked: mask(source)}
	s.walk(0, len(source), 0)
	return s.Plan
}

// scanner goes through the tokens of a mail. It reads the masked text and plans by the places of the source.
type scanner struct {
	*Plan
	masked []byte
}

func (s *scanner) walk(from, to, depth int) {
	z := html.NewTokenizer(bytes.NewReader(s.masked[from:to]))
	for at := from; ; {
		kind := z.Next()
		start := at
		at += len(z.Raw())
		switch kind {
		case html.ErrorToken:
			return
		case html.CommentToken:
			s.comment(start, at, depth)
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			if len(name) == len("noscript") && string(name) == "noscript" {
				z.NextIsNotRawText() // no mail program runs scripts, so that all of them show its inside
			}
			if linkElement(name) {
				s.element(nameEnd(s.masked, start+1), at)
			}
		}
	}
}

func linkElement(name []byte) bool {
	switch {
	case len(name) == 1:
		return name[0] == 'a'
	case bytes.HasPrefix(name, []byte("v:")):
		return true
	}
	return string(name) == "area"
}

// comment goes into a conditional comment: <!--[if mso]> ... <![endif]-->. One that hides only its own tags, like
// <!--[if !mso]><!-->, has nothing inside.
func (s *scanner) comment(start, end, depth int) {
	inner, found := bytes.CutPrefix(s.masked[start:end], []byte("<!--"))
	if !found || depth == deepest {
		return
	}
	head := bytes.TrimLeft(inner[:min(len(inner), 64)], " \t\r\n")
	if !hasFold(string(head), "[if") {
		return
	}
	if open := bytes.Index(inner, []byte("]>")); open >= 0 {
		s.walk(end-len(inner)+open+len("]>"), end, depth+1)
	}
}

// element plans what becomes of one tag, whose name ends at nameEnd and itself at end.
func (s *scanner) element(nameEnd, end int) {
	reason := Reason("")
	for a := range attributes(s.masked, nameEnd, end) {
		if marked := s.mark(&a, nameEnd); reason == "" {
			reason = marked
		}
	}
	first := true
	for a := range attributes(s.masked, nameEnd, end) {
		name, conditional := s.name(a.name)
		if name != "href" || !first && !conditional {
			continue // of two the first one is valid, unless a merge tag chooses
		}
		first = false
		s.add(newValue(s.source, a.value.start, a.value.end, true), reason)
	}
}

// name returns an attribute's name in lower case, without the merge tags that stand at it: {{#if x}}href="...".
func (s *scanner) name(n span) (name string, conditional bool) {
	for n.start < n.end && s.masked[n.start] != s.source[n.start] {
		n.start, conditional = n.start+1, true
	}
	for n.start < n.end && s.masked[n.end-1] != s.source[n.end-1] {
		n.end--
	}
	return strings.ToLower(s.source[n.start:n.end]), conditional
}

// mark returns the reason that an attribute gives to leave the link alone. The attribute that is ours is taken out.
func (s *scanner) mark(a *attribute, nameEnd int) Reason {
	name := s.source[a.name.start:a.name.end]
	text := strings.TrimSpace(s.source[a.value.start:a.value.end])
	switch {
	case strings.EqualFold(name, "rel"):
		if slices.ContainsFunc(strings.Fields(text), func(word string) bool { return strings.EqualFold(word, "unsubscribe") }) {
			return Unsubscribe
		}
	case !strings.EqualFold(name, "data-longtail"):
	case strings.EqualFold(text, "off"):
		s.cut(a, nameEnd)
		return Off
	case strings.EqualFold(text, "unsubscribe"):
		s.cut(a, nameEnd)
		return Unsubscribe
	}
	return ""
}

// cut takes an attribute out, with the white space before it if what follows stays apart: a slash would become part of
// a value without quotes.
func (s *scanner) cut(a *attribute, nameEnd int) {
	start := a.name.start
	for start > nameEnd && space(s.source[start-1]) {
		start--
	}
	if s.needed(start, a.end) {
		return
	}
	if c := s.source[min(a.end, len(s.source)-1)]; !space(c) && c != '>' {
		start = a.name.start
	}
	s.changes = append(s.changes, change{span: span{start, a.end}, link: -1})
}

// needed tells whether the tag might be read otherwise without what stands from start to end: an attribute whose name begins
// with an equals sign would be the value of the one before, and a slash at the end would end the element.
func (s *scanner) needed(start, end int) bool {
	next := skip(s.masked, end)
	return s.masked[start-1] == '/' || next < len(s.masked) && s.masked[next] == '='
}
