package rewrite

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// short are the names that people give without their usual beginning.
var short = []string{"source", "medium", "campaign", "term", "content", "id"}

// tag returns target with the campaign's parameters that it does not have, before its fragment. A value with a merge tag
// goes into the tracked URL instead.
func (o *Options) tag(v *verdict, target string) string {
	if len(o.UTM) == 0 {
		return target
	}
	base, fragment, cut := strings.Cut(target, "#")
	_, query, asked := strings.Cut(base, "?")
	there := names(query)
	for _, key := range slices.Sorted(maps.Keys(o.UTM)) {
		name, value := key, o.UTM[key]
		if slices.Contains(short, name) {
			name = "utm_" + name
		}
		if slices.Contains(there, name) || slices.Contains(v.Forward, name) {
			continue
		}
		there = append(there, name)
		if tags := mergeTags(value); len(tags) > 0 {
			v.added += "&" + name + "=" + escapeAround(value, tags)
			v.forward(name)
			continue
		}
		switch {
		case !asked:
			base, asked = base+"?", true
		case !strings.HasSuffix(base, "?") && !strings.HasSuffix(base, "&"):
			base += "&"
		}
		base += url.QueryEscape(name) + "=" + url.QueryEscape(value)
	}
	if cut {
		return base + "#" + fragment
	}
	return base
}

// names returns those of a query's parameters.
func names(query string) (found []string) {
	for pair := range strings.SplitSeq(query, "&") {
		raw, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(raw); err == nil {
			found = append(found, name)
		}
	}
	return found
}

// escapeAround escapes a query value and leaves its merge tags to whoever fills them in.
func escapeAround(value string, tags []span) string {
	var b strings.Builder
	at := 0
	for _, tag := range tags {
		b.WriteString(url.QueryEscape(value[at:tag.start]))
		b.WriteString(value[tag.start:tag.end])
		at = tag.end
	}
	return b.String() + url.QueryEscape(value[at:])
}
