// Package classify says what a click was when that is certain: a machine that announced itself. Everything else is
// unknown; a person is never guessed. The answer a clicker gets does not depend on it.
//
// Place on the click's way: in ingest, while a click is judged and before its row is written.
package classify

import "longtail/shared/click"

// Version of the rules. It stands in every row, so that rows of older rules can be found and labelled again.
const Version = 2

// A Rule says why a click is a machine's. Its number stands in the row and never changes its meaning.
type Rule int16

// Rules.
const (
	None     Rule = 0 // nothing is certain
	Prefetch Rule = 1 // the request said that it was a prefetch or a preview
	Crawler  Rule = 2 // the user agent names a known crawler, scanner, previewer or HTTP library
)

// words of rules, for people.
var words = map[Rule]string{None: "", Prefetch: "prefetch", Crawler: "crawler"}

// String is the rule's word, empty for None.
func (r Rule) String() string { return words[r] }

// Machine returns the rule by which a click is certainly a machine's, or None.
func Machine(c *click.Click) Rule {
	switch {
	case c.Flags&click.Prefetch != 0:
		return Prefetch
	case crawlers.match(c.UserAgent):
		return Crawler
	}
	return None
}
