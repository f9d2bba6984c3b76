package rewrite

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// judgeHTML compares source and output by an independent reading: the same tokens, and in them the same text, names and
// attributes, but for the targets of links. Merge tags are masked on both sides: who fills them in takes their quotes
// away. It returns how many targets changed.
func judgeHTML(tb testing.TB, source string, r Result) int {
	tb.Helper()
	stored := store(Targets(HTML(source, plain)))
	return sameTokens(tb, string(mask(source)), string(mask(r.Output)), stored, 0)
}

type attr struct{ name, value string }

func sameTokens(tb testing.TB, source, output string, stored map[string]Stored, depth int) (changed int) {
	tb.Helper()
	a, b := html.NewTokenizer(strings.NewReader(source)), html.NewTokenizer(strings.NewReader(output))
	for {
		kind, other := a.Next(), b.Next()
		if kind != other {
			tb.Fatalf("%v became %v: %q, %q", kind, other, a.Raw(), b.Raw())
		}
		switch kind {
		case html.ErrorToken:
			if !bytes.Equal(a.Raw(), b.Raw()) {
				tb.Fatalf("the rest %q became %q", a.Raw(), b.Raw())
			}
			return changed
		case html.StartTagToken, html.SelfClosingTagToken:
			changed += sameTag(tb, a, b, stored)
		case html.CommentToken:
			was, is := string(a.Raw()), string(b.Raw())
			head, inner, conditional := condition(was)
			if otherHead, other, _ := condition(is); conditional && head == otherHead && depth < deepest {
				changed += sameTokens(tb, inner, other, stored, depth+1)
			} else if was != is {
				tb.Fatalf("%q became %q", was, is)
			}
		default:
			if !bytes.Equal(a.Raw(), b.Raw()) {
				tb.Fatalf("%q became %q", a.Raw(), b.Raw())
			}
		}
	}
}

// condition cuts a conditional comment behind its condition, which no markup stands in.
func condition(comment string) (head, inner string, found bool) {
	text, found := strings.CutPrefix(comment, "<!--")
	if !found || !hasFold(strings.TrimLeft(text, " \t\r\n"), "[if") {
		return "", "", false
	}
	return strings.Cut(comment, "]>")
}

func sameTag(tb testing.TB, a, b *html.Tokenizer, stored map[string]Stored) (changed int) {
	tb.Helper()
	rawA, rawB := string(a.Raw()), string(b.Raw())
	nameA, was := tag(a)
	nameB, is := tag(b)
	if nameA == "noscript" {
		a.NextIsNotRawText()
		b.NextIsNotRawText()
	}
	isLink := nameA == "a" || nameA == "area" || strings.HasPrefix(nameA, "v:")
	if nameA != nameB || !isLink && rawA != rawB {
		tb.Fatalf("%q became %q", rawA, rawB)
	}
	for _, old := range was {
		if len(is) == 0 || is[0].name != old.name {
			tb.Fatalf("%q lost %v and became %q", rawA, old, rawB)
		}
		now := is[0]
		is = is[1:]
		if now == old {
			continue
		}
		changed++
		wanted := (&plain).judge(cleaned(old.value))
		tracked := stored[wanted.URL].TrackedURL
		if strings.Contains(old.value, "\x01") {
			tracked = "https://go.example/c"
		}
		if strings.Trim(old.name, "\x01") != "href" || tracked == "" || !strings.HasPrefix(cleaned(now.value), tracked) {
			tb.Fatalf("%q became %q (%+v)", rawA, rawB, wanted)
		}
	}
	if len(is) > 0 {
		tb.Fatalf("%q became %q with %v", rawA, rawB, is)
	}
	return changed
}

// cleaned does to an attribute's value what browsers do to a URL.
func cleaned(value string) string {
	value = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(value)
	return strings.TrimFunc(value, func(r rune) bool { return r <= ' ' })
}

// tag returns a tag's name and its attributes but for those that are ours: the first is taken out when it says something,
// and of several ones the tokenizer shows the first alone.
func tag(z *html.Tokenizer) (string, []attr) {
	name, more := z.TagName()
	element := string(name)
	var found []attr
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if string(key) != "data-longtail" {
			found = append(found, attr{string(key), string(value)})
		}
	}
	return element, found
}
