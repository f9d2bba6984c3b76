package edge

import (
	"context"
	"strings"

	"longtail/redirector/internal/resolve"
	"longtail/shared/link"
)

// maxHops bounds how far a redirect is followed from one of our own links to the next. No browser follows many more.
const maxHops = 5

// loops reports whether somebody sent from a link to location would be led round in our own links for ever. Targets on
// tracking domains are refused when links are made; this is for what became one later. A location elsewhere, which is
// the rule, costs one lookup among the domains and no allocation.
func (e *Edge) loops(ctx context.Context, hit *Hit, from spot, location string) bool {
	for range maxHops {
		next, ours := e.at(hit, location)
		if !ours {
			return false
		}
		if next == from {
			return true
		}
		if location = e.leads(ctx, next); location == "" {
			return false
		}
	}
	return true
}

// A spot is where a link of ours stands.
type spot struct {
	domain *resolve.Domain
	code   string
}

// at returns the place to which a URL leads, if that is one of ours: a tracking domain, at the port at which this one was
// asked.
func (e *Edge) at(hit *Hit, location string) (spot, bool) {
	_, rest, _ := strings.Cut(location, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		return spot{}, false
	}
	authority, path := rest[:end], rest[end:]
	if portOf(authority) != portOf(hit.Host) {
		return spot{}, false
	}
	if !plainHost(authority) {
		t, err := link.NewTarget(location)
		if err != nil {
			return spot{}, false
		}
		authority = t.Host
	}
	domain := e.resolver.Domain(authority)
	if host := authority[:len(authority)-portLen(authority)]; domain.ID == 0 || !strings.EqualFold(strings.Trim(strings.TrimSuffix(host, "."), "[]"), domain.Host) {
		return spot{}, false
	}
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	code := parsePath(path).code
	return spot{domain, code}, shaped(domain, code)
}

// leads returns where somebody who asks for a link of ours is sent, "" = nowhere.
func (e *Edge) leads(ctx context.Context, p spot) string {
	t, err := e.resolver.Resolve(ctx, p.domain.ID, p.code)
	switch {
	case err != nil:
		return ""
	case live(&t):
		return t.URL
	}
	return p.domain.FallbackURL
}

// portOf returns what stands behind a host's colon, "" for the ports of http and https.
func portOf(authority string) string {
	n := portLen(authority)
	if n == 0 {
		return ""
	}
	port := authority[len(authority)-n+1:]
	if port == "80" || port == "443" {
		return ""
	}
	return port
}

// portLen is the length of ":port".
func portLen(authority string) int {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || i < strings.LastIndexByte(authority, ']') {
		return 0
	}
	return len(authority) - i
}

// plainHost reports whether a host is written as domains are stored, but for its capitals.
func plainHost(host string) bool {
	for i := range len(host) {
		if host[i] >= 0x80 {
			return false
		}
	}
	return true
}
