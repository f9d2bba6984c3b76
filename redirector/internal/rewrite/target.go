package rewrite

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"longtail/shared/link"
)

// A Target is where a link leads, apart from what every recipient has of his own.
type Target struct {
	URL     string
	Forward []string // names of the query parameters that a click must pass on
}

// verdict is what is to be done with one URL: the target and the query that the tracked URL carries, or why nothing.
type verdict struct {
	Target
	query  []span // of the value's text: parameters, each with the ? or & before it
	added  string // parameters with merge tags that are not of the source
	reason Reason
}

// judge reads a URL by itself; what its tag says of it is known before.
func (o *Options) judge(text string) verdict {
	switch {
	case text == "":
		return verdict{reason: Empty}
	case text[0] == '#':
		return verdict{reason: Anchor}
	case o.Unsubscribe[text]:
		return verdict{reason: Unsubscribe}
	}
	switch scheme := schemeOf(text); {
	case scheme == "mailto", scheme == "tel", scheme == "sms":
		return verdict{reason: Reason(scheme)}
	case scheme != "" && scheme != "http" && scheme != "https":
		return verdict{reason: Scheme}
	case len(text) > link.MaxURL: // what follows may take more than one look at every byte
		return verdict{reason: link.RuleURLLength}
	case scheme == "":
		return verdict{reason: withoutScheme(text)}
	}
	return o.judgeWeb(text)
}

// schemeOf returns the scheme in lower case, or "".
func schemeOf(text string) string {
	for i := range len(text) {
		c := text[i]
		switch {
		case c == ':' && i > 0:
			return strings.ToLower(text[:i])
		case letter(c), i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return ""
		}
	}
	return ""
}

// withoutScheme says why a text without scheme is left: a merge tag may become a whole URL.
func withoutScheme(text string) Reason {
	tags := mergeTags(text)
	if len(tags) == 0 {
		return Relative
	}
	at := 0
	for _, tag := range append(tags, span{start: len(text)}) {
		if strings.TrimSpace(text[at:tag.start]) != "" {
			return MergeTagInPath
		}
		at = tag.end
	}
	return MergeTag
}

func (o *Options) judgeWeb(text string) verdict {
	if o.tracked(text) {
		return verdict{reason: Tracked}
	}
	parts := split(text)
	switch {
	case parts.tagBefore(parts.query):
		return verdict{reason: MergeTagInPath}
	case parts.tagBehind(parts.fragment):
		return verdict{reason: MergeTagInFragment}
	}
	v, ok := parts.sort()
	if !ok {
		return verdict{reason: MergeTagInName}
	}
	v.URL = o.tag(&v, v.URL)
	_, err := link.NewTarget(v.URL)
	if broken, is := errors.AsType[*link.RuleError](err); is {
		return verdict{reason: Reason(broken.Rule)}
	}
	return v
}

// tracked looks at scheme, host and port alone: behind them may stand what no target has.
func (o *Options) tracked(text string) bool {
	if o.Tracked == nil {
		return false
	}
	_, rest, _ := strings.Cut(text, "//")
	host := text
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = text[:len(text)-len(rest)+i]
	}
	t, err := link.NewTarget(host)
	return err == nil && o.Tracked(t)
}

// pieces is a URL that is cut where its query and its fragment begin; merge tags are not looked into.
type pieces struct {
	text            string
	tags            []span
	query, fragment int // places of ? and #; the end of the text if there is none
}

func split(text string) pieces {
	p := pieces{text: text, tags: mergeTags(text), query: -1, fragment: len(text)}
	for i, tag := 0, 0; i < len(text); i++ {
		if tag < len(p.tags) && p.tags[tag].start == i {
			i = p.tags[tag].end - 1
			tag++
			continue
		}
		if text[i] == '#' {
			p.fragment = i
			break
		}
		if text[i] == '?' && p.query < 0 {
			p.query = i
		}
	}
	if p.query < 0 {
		p.query = p.fragment
	}
	return p
}

func (p *pieces) tagBefore(i int) bool { return len(p.tags) > 0 && p.tags[0].start < i }

func (p *pieces) tagBehind(i int) bool { return len(p.tags) > 0 && p.tags[len(p.tags)-1].start > i }

// sort parts the query into the parameters of the target and those that a merge tag makes every recipient's own. It
// fails if a merge tag is not in a value.
func (p *pieces) sort() (v verdict, ok bool) {
	if len(p.tags) == 0 {
		v.URL = p.text
		return v, true
	}
	var kept strings.Builder
	kept.WriteString(p.text[:p.query])
	mark := byte('?')
	params := p.parameters()
	first, last := p.controlled(params)
	for i, param := range params {
		if (i < first || i > last) && !p.tagIn(param) {
			kept.WriteByte(mark)
			kept.WriteString(p.text[param.start+1 : param.end])
			mark = '&'
			continue
		}
		name, named := p.name(param)
		if !named {
			return v, false
		}
		v.query = append(v.query, param)
		v.forward(name)
	}
	v.URL = kept.String() + p.text[p.fragment:]
	return v, true
}

func (v *verdict) forward(name string) {
	if !slices.Contains(v.Forward, name) {
		v.Forward = append(v.Forward, name)
	}
}

// parameters returns those of the query, each with the ? or & before it.
func (p *pieces) parameters() (found []span) {
	start, tag := p.query, 0
	for tag < len(p.tags) && p.tags[tag].end <= start {
		tag++
	}
	for i := start + 1; i < p.fragment; i++ {
		if tag < len(p.tags) && p.tags[tag].start == i {
			i = p.tags[tag].end - 1
			tag++
			continue
		}
		if p.text[i] == '&' {
			found = append(found, span{start, i})
			start = i
		}
	}
	return append(found, span{start, p.fragment})
}

// controlled returns the first and the last parameter with a merge tag if one of the tags decides about others: then all
// between them belong together.
func (p *pieces) controlled(params []span) (first, last int) {
	first, last = len(params), -1
	decides := false
	for _, tag := range p.tags {
		decides = decides || control(p.text[tag.start:tag.end])
	}
	if !decides {
		return first, last
	}
	for i, param := range params {
		if p.tagIn(param) {
			first, last = min(first, i), i
		}
	}
	return first, last
}

func (p *pieces) tagIn(s span) bool {
	i, _ := slices.BinarySearchFunc(p.tags, s.start, func(tag span, start int) int { return tag.start - start })
	return i < len(p.tags) && p.tags[i].start < s.end
}

// name returns a parameter's name, if it is one that can be passed on.
func (p *pieces) name(param span) (string, bool) {
	text := p.text[param.start+1 : param.end]
	raw, _, found := strings.Cut(text, "=")
	if !found || p.tagIn(span{param.start, param.start + 1 + len(raw)}) {
		return "", false
	}
	name, err := url.QueryUnescape(raw)
	return name, err == nil && name != ""
}
