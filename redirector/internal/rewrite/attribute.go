package rewrite

import "iter"

// An attribute is where one stands: its name, and its value without quotes.
type attribute struct {
	name, value span
	end         int // behind the closing quote
}

// nameEnd returns where the tag name that begins at i ends. The tokenizer's name may be longer: NUL is one byte here and
// three there.
func nameEnd(text []byte, i int) int {
	for i < len(text) && !space(text[i]) && text[i] != '/' && text[i] != '>' {
		i++
	}
	return i
}

// attributes goes through those of the start tag that ends at end, from i behind its name. It reads as the HTML standard
// says, and as the tokenizer that found the tag's end does.
func attributes(text []byte, i, end int) iter.Seq[attribute] {
	tag := text[:end]
	return func(yield func(attribute) bool) {
		for i := i; ; {
			i = skip(tag, i)
			if i >= end || tag[i] == '>' {
				return
			}
			var a attribute
			a, i = readAttribute(tag, i)
			if a.name.start < a.name.end && !yield(a) {
				return
			}
		}
	}
}

func readAttribute(tag []byte, i int) (a attribute, next int) {
	a.name.start = i
	for i < len(tag) && !space(tag[i]) && tag[i] != '/' && tag[i] != '>' && (tag[i] != '=' || i == a.name.start) {
		i++
	}
	a.name.end, a.end = i, i
	a.value = span{i, i}
	i = skip(tag, i)
	switch {
	case i < len(tag) && tag[i] == '/':
		return a, i + 1
	case i >= len(tag) || tag[i] != '=':
		return a, i
	}
	i = skip(tag, i+1)
	if i < len(tag) && (tag[i] == '"' || tag[i] == '\'') {
		quote := tag[i]
		a.value.start = i + 1
		for i++; i < len(tag) && tag[i] != quote; {
			i++
		}
		a.value.end = i
		a.end = min(i+1, len(tag))
		return a, a.end
	}
	a.value.start = i
	for i < len(tag) && !space(tag[i]) && tag[i] != '>' {
		i++
	}
	a.value.end, a.end = i, i
	return a, i
}

func skip(tag []byte, i int) int {
	for i < len(tag) && space(tag[i]) {
		i++
	}
	return i
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' }
