package classify

import (
	_ "embed"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
)

//go:embed crawlers.txt
var crawlerPatterns string

// crawlers are the agents of crawlers.txt.
var crawlers = newAgents(strings.Split(strings.TrimSpace(crawlerPatterns), "\n"))

// gram is how many bytes of a needle are looked up at once. No pattern may begin with fewer that are certain.
const gram = 3

// agents finds patterns in user agents: every place of the text is looked up once by its next bytes, and only patterns
// that can begin there are tried. It is read by many goroutines and never changes.
type agents struct {
	seen  [1 << sieveBits / 64]uint64 // by hash of the first bytes: most places of a text begin nothing
	begin map[[gram]byte][]pattern
}

const sieveBits = 16

// hash of a place's next bytes, by Fibonacci's multiplier.
func hash(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 2654435769 >> (32 - sieveBits)
}

type pattern struct {
	needle string         // what the pattern's text must begin with
	whole  *regexp.Regexp // nil when the needle says all
}

// newAgents panics at a pattern that does not begin with certain bytes: the list is part of the program.
func newAgents(patterns []string) *agents {
	a := &agents{begin: map[[gram]byte][]pattern{}}
	for _, text := range patterns {
		needles, exact := needlesOf(text)
		for _, needle := range needles {
			p := pattern{needle: needle}
			if !exact {
				p.whole = regexp.MustCompile(text)
			}
			key := [gram]byte([]byte(needle[:gram]))
			a.begin[key] = append(a.begin[key], p)
			h := hash(key[0], key[1], key[2])
			a.seen[h/64] |= 1 << (h % 64)
		}
	}
	return a
}

// match tells whether any pattern is found in text.
func (a *agents) match(text string) bool {
	for i := 0; i+gram <= len(text); i++ {
		h := hash(text[i], text[i+1], text[i+2])
		if a.seen[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		for _, p := range a.begin[[gram]byte{text[i], text[i+1], text[i+2]}] {
			if strings.HasPrefix(text[i:], p.needle) && (p.whole == nil || p.whole.MatchString(text)) {
				return true
			}
		}
	}
	return false
}

// needlesOf returns the texts with which anything that the pattern matches begins, and whether these are all that it
// says.
func needlesOf(text string) (needles []string, exact bool) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		panic(err)
	}
	needles, exact = begin(re.Simplify())
	for _, n := range needles {
		if len(n) < gram {
			panic("pattern " + text + " does not begin with certain bytes")
		}
	}
	return needles, exact
}

// most is how many beginnings a pattern is unfolded into.
const most = 16

// begin unfolds the beginning of an expression: literals, small classes, alternatives and their sequences.
func begin(re *syntax.Regexp) (all []string, exact bool) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return []string{string(re.Rune)}, true
		}
		return folded(re.Rune), true
	case syntax.OpCapture:
		return begin(re.Sub[0])
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if all = append(all, string(r)); len(all) > most {
					return []string{""}, false
				}
			}
		}
		return all, true
	case syntax.OpAlternate:
		exact = true
		for _, sub := range re.Sub {
			some, whole := begin(sub)
			all, exact = append(all, some...), exact && whole
		}
		return all, exact
	case syntax.OpConcat:
		return sequence(re.Sub)
	default: // an anchor, a repetition: nothing certain
		return []string{""}, false
	}
}

// folded unfolds a literal of either case.
func folded(runes []rune) []string {
	all := []string{""}
	for _, r := range runes {
		var next []string
		for _, head := range all {
			next = append(next, head+string(unicode.ToLower(r)), head+string(unicode.ToUpper(r)))
		}
		all = next
	}
	return all
}

// sequence joins the beginnings of parts. An anchor in front adds nothing; behind anything else that is not certain the
// beginning ends.
func sequence(parts []*syntax.Regexp) (all []string, exact bool) {
	all, exact = []string{""}, true
	for i, part := range parts {
		some, whole := begin(part)
		if len(all)*len(some) > most {
			return all, false
		}
		joined := make([]string, 0, len(all)*len(some))
		for _, head := range all {
			for _, tail := range some {
				joined = append(joined, head+tail)
			}
		}
		all, exact = joined, exact && whole
		if !whole && (i > 0 || !empty(part)) {
			return all, false
		}
	}
	return all, exact
}

// empty tells whether an expression matches no bytes, or may: ^, or (^| ).
func empty(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginText, syntax.OpBeginLine:
		return true
	case syntax.OpCapture:
		return empty(re.Sub[0])
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if sub.Op != syntax.OpLiteral && !empty(sub) {
				return false
			}
		}
		return true
	}
	return false
}
