package edge

import (
	"net/url"
	"slices"
	"strings"
)

// maxForwarded bounds what a clicker's query may add to a Location, in bytes.
const maxForwarded = 4096

// forward appends the named parameters of rawQuery to target, in their order, before target's fragment. Values are
// decoded and encoded again, so that nothing but a query value can come out of them; what cannot be decoded is left
// out. The target itself stays byte for byte.
func forward(target, rawQuery string, names []string) string {
	added := forwarded(rawQuery, names)
	if added == "" || len(added) > maxForwarded {
		return target
	}
	at := strings.IndexByte(target, '#')
	if at < 0 {
		at = len(target)
	}
	base, fragment := target[:at], target[at:]
	switch {
	case !strings.Contains(base, "?"):
		return base + "?" + added + fragment
	case strings.HasSuffix(base, "?") || strings.HasSuffix(base, "&"):
		return base + added + fragment
	}
	return base + "&" + added + fragment
}

func forwarded(rawQuery string, names []string) string {
	var b strings.Builder
	for pair := range strings.SplitSeq(rawQuery, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil || !slices.Contains(names, name) {
			continue
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(value))
	}
	return b.String()
}
