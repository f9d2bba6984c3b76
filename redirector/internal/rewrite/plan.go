package rewrite

import (
	"html"
	"slices"
	"strings"

	"longtail/shared/link"
)

// Options are what a mail does not say itself.
type Options struct {
	Tracked     func(link.Target) bool // leads to a tracking domain; nil = none does
	Unsubscribe map[string]bool        // URLs of the List-Unsubscribe header
	UTM         map[string]string      // parameters to add to targets; "source" means "utm_source"
}

// A Plan says what is to be changed in one part of a mail. Nothing is changed yet.
type Plan struct {
	source  string
	options Options
	html    bool // the source is HTML, so that & is written as an entity
	links   []found
	skipped []Skip
	changes []change

	lineAt, line int // of the last link
}

// found is one link that can be tracked.
type found struct {
	Target
	query string // of the tracked URL, as it is to be written: ?name=TAG...
	url   string // as it was read
	line  int
}

// change replaces a range of the source by a tracked URL, or by nothing.
type change struct {
	span
	link int // among links; -1 = take out
}

// A Skip is a link that is left as it is.
type Skip struct {
	URL    string
	Reason Reason
	Line   int // in the source, from 1
}

func newPlan(source string, o Options, html bool) *Plan {
	return &Plan{source: source, options: o, html: html, line: 1}
}

// add plans one link. A reason that was known before is the one that counts.
func (p *Plan) add(v value, reason Reason) {
	start, end := v.place(0), v.place(len(v.text))
	p.line += strings.Count(p.source[p.lineAt:start], "\n")
	p.lineAt = start
	judged := verdict{reason: reason}
	if reason == "" {
		judged = p.options.judge(v.text)
	}
	if judged.reason != "" {
		p.skipped = append(p.skipped, Skip{strings.ToValidUTF8(v.text, "\ufffd"), judged.reason, p.line})
		return
	}
	p.changes = append(p.changes, change{span{start, end}, len(p.links)})
	p.links = append(p.links, found{judged.Target, p.query(&v, &judged), v.text, p.line})
}

// query returns the parameters that the tracked URL carries, byte for byte as they stand in the source.
func (p *Plan) query(v *value, judged *verdict) string {
	var b strings.Builder
	for _, param := range judged.query {
		from := v.place(param.start)
		if b.Len() == 0 {
			b.WriteByte('?')
			from = v.place(param.start + 1)
		}
		b.WriteString(p.source[from:v.place(param.end)])
	}
	added := judged.added
	if b.Len() == 0 && added != "" {
		b.WriteByte('?')
		added = added[1:]
	}
	if p.html {
		added = html.EscapeString(added)
	}
	b.WriteString(added)
	return b.String()
}

// Targets returns the distinct targets of some plans in the order of their first link. One that several links want with
// other names forwards the names of all.
func Targets(plans ...*Plan) (targets []Target) {
	places := make(map[string]int)
	for _, p := range plans {
		for _, l := range p.links {
			i, known := places[l.URL]
			if !known {
				i = len(targets)
				places[l.URL] = i
				targets = append(targets, Target{URL: l.URL})
			}
			for _, name := range l.Forward {
				if !slices.Contains(targets[i].Forward, name) {
					targets[i].Forward = append(targets[i].Forward, name)
				}
			}
		}
	}
	return targets
}
