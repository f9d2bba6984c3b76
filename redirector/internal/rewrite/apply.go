package rewrite

import (
	"cmp"
	"slices"
	"strings"
)

// Stored is what became of a target: the URL that recipients click, without a query, or why there is none.
type Stored struct {
	TrackedURL string
	Reason     Reason
}

// A Link is one tracked URL of the output.
type Link struct {
	URL         string // the target
	TrackedURL  string // byte for byte as it stands in the output, without the recipient's token
	Occurrences int
}

// An Edit is one change: the bytes before at their place in the source, and those that stand there now.
type Edit struct {
	At       int
	Old, New string
}

// A Result is a rewritten part of a mail.
type Result struct {
	Output  string
	Edits   []Edit // in their order
	Links   []Link // in the order of their first occurrence
	Skipped []Skip // in the order of the source
}

// Apply makes the changes of a plan. A target that is not in stored, or could not be stored, stays what it was. token is
// what stands for the recipient's token, "" for none; it goes between code and query.
func (p *Plan) Apply(stored map[string]Stored, token string) Result {
	r := Result{Skipped: slices.Clone(p.skipped)}
	seen := make(map[string]int)
	slices.SortFunc(p.changes, func(a, b change) int { return cmp.Compare(a.start, b.start) })
	for _, c := range p.changes {
		edit := Edit{At: c.start, Old: p.source[c.start:c.end]}
		if c.link >= 0 {
			l := &p.links[c.link]
			s := stored[l.URL]
			if s.TrackedURL == "" {
				r.Skipped = append(r.Skipped, Skip{l.url, cmp.Or(s.Reason, NotStored), l.line})
				continue
			}
			r.count(seen, l.URL, s.TrackedURL+l.query)
			edit.New = s.TrackedURL + slash(token) + l.query
		}
		r.Edits = append(r.Edits, edit)
	}
	slices.SortStableFunc(r.Skipped, func(a, b Skip) int { return cmp.Compare(a.Line, b.Line) })
	r.Output = splice(p.source, r.Edits)
	return r
}

func slash(token string) string {
	if token == "" {
		return ""
	}
	return "/" + token
}

func (r *Result) count(seen map[string]int, target, tracked string) {
	i, known := seen[tracked]
	if !known {
		i = len(r.Links)
		seen[tracked] = i
		r.Links = append(r.Links, Link{URL: target, TrackedURL: tracked})
	}
	r.Links[i].Occurrences++
}

func splice(source string, edits []Edit) string {
	var b strings.Builder
	b.Grow(len(source) + len(source)/8)
	at := 0
	for _, e := range edits {
		b.WriteString(source[at:e.At])
		b.WriteString(e.New)
		at = e.At + len(e.Old)
	}
	b.WriteString(source[at:])
	return b.String()
}
