package api

import "longtail/redirector/internal/rewrite"

// mail is a request's parts, planned.
type mail struct{ html, text *rewrite.Plan }

func newMail(body *rewriteBody, o rewrite.Options) (m mail) {
	if body.HTML != nil {
		m.html = rewrite.HTML(*body.HTML, o)
	}
	if body.Text != nil {
		m.text = rewrite.Text(*body.Text, o)
	}
	return m
}

func (m *mail) parts() (plans []*rewrite.Plan) {
	for _, p := range []*rewrite.Plan{m.html, m.text} {
		if p != nil {
			plans = append(plans, p)
		}
	}
	return plans
}

func (m *mail) targets() []rewrite.Target { return rewrite.Targets(m.parts()...) }

// made is what became of a target.
type made struct {
	rewrite.Stored
	code string
}

// view rewrites the parts and reports on all of them.
func (m *mail) view(all map[string]made, body *rewriteBody) rewriteView {
	stored := make(map[string]rewrite.Stored, len(all))
	for url, one := range all {
		stored[url] = one.Stored
	}
	v := rewriteView{Links: []rewrittenLink{}, Skipped: []skippedLink{}}
	seen := make(map[string]int)
	apply := func(p *rewrite.Plan, part string) *string {
		if p == nil {
			return nil
		}
		r := p.Apply(stored, orZero(body.TokenPlaceholder))
		for _, l := range r.Links {
			v.count(seen, l, all[l.URL].code)
		}
		for _, s := range r.Skipped {
			v.Skipped = append(v.Skipped, skippedLink{s.URL, string(s.Reason), s.Line, part})
		}
		return &r.Output
	}
	v.HTML, v.Text = apply(m.html, "html"), apply(m.text, "text")
	if body.DryRun {
		v.HTML, v.Text = nil, nil
		for i := range v.Links {
			v.Links[i].TrackedURL = ""
		}
	}
	return v
}

func (v *rewriteView) count(seen map[string]int, l rewrite.Link, code string) {
	i, known := seen[l.TrackedURL]
	if !known {
		i = len(v.Links)
		seen[l.TrackedURL] = i
		v.Links = append(v.Links, rewrittenLink{Code: code, URL: l.URL, TrackedURL: l.TrackedURL})
	}
	v.Links[i].Occurrences += l.Occurrences
}
