package links

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// A Warning is about a link that is made all the same.
type Warning struct {
	Code   string // of a closed set: WarningLookalike
	Detail string
}

// WarningLookalike says that the target's host can be taken for another one.
const WarningLookalike = "lookalike_host"

// together are scripts that are written together in one name: what the "highly restrictive" level of Unicode's Technical
// Standard 39 allows.
var together = [][]*unicode.RangeTable{
	{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Latin, unicode.Han, unicode.Hangul},
	{unicode.Latin, unicode.Han, unicode.Bopomofo},
}

// latinLike are letters of other alphabets that are drawn like a small Latin letter or a digit.
const latinLike = "аеорсухіјѕԁһӏԛԝьгвкмнтпзб" + "αβγενικορτυχω"

// Warnings tells what is suspicious about a target, which was checked before.
func Warnings(target string) []Warning {
	foreign := func(r rune) bool { return r >= 0x80 }
	if !strings.Contains(strings.ToLower(target), "xn--") && strings.IndexFunc(target, foreign) < 0 {
		return nil // nearly all
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil
	}
	host, err := idna.ToUnicode(u.Hostname())
	if err != nil {
		return nil
	}
	for label := range strings.SplitSeq(host, ".") {
		if lookalike(label) {
			ascii, _ := idna.ToASCII(host)
			return []Warning{{WarningLookalike, fmt.Sprintf("the host %s (%s) has letters that can be taken for those of another alphabet", host, ascii)}}
		}
	}
	return nil
}

// lookalike tells whether a label mixes alphabets that nobody writes together, or consists of letters that all look like
// Latin ones and are none.
func lookalike(label string) bool {
	letters, alike := 0, 0
	for _, r := range label {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		if strings.ContainsRune(latinLike, r) {
			alike++
		}
	}
	return letters > 0 && alike == letters || !oneScript(label)
}

// oneScript tells whether all letters are of one script, or of scripts that are written together.
func oneScript(label string) bool {
	for _, table := range unicode.Scripts {
		if within(label, table) {
			return true
		}
	}
	for _, tables := range together {
		if within(label, tables...) {
			return true
		}
	}
	return false
}

func within(label string, tables ...*unicode.RangeTable) bool {
	for _, r := range label {
		if unicode.IsLetter(r) && !unicode.In(r, tables...) {
			return false
		}
	}
	return true
}
