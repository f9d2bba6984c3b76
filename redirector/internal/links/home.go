package links

import (
	"context"
	"net"
	"slices"
	"strings"

	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// LeadsAway returns a problem if a target is on a tracking domain of this installation, whoever's: a link that leads to
// links leads nowhere in the end. Another port than that of the tracked URLs is another server, and a host that somebody
// only says is his forbids nobody to lead there. Hosts in also count as tracking domains, proven or not.
func (s *Service) LeadsAway(ctx context.Context, field, url string, also ...string) error {
	t, err := link.NewTarget(url)
	if err != nil || plainPort(t.Port) != plainPort(s.base.Port()) {
		return nil // what is wrong with the URL itself is told elsewhere
	}
	host := strings.TrimSuffix(strings.Trim(t.Host, "[]"), ".")
	loop := slices.Contains(also, host)
	if !loop {
		own, err := s.domains.find(ctx, func(one storage.Domain) bool { return one.Verified() && sameHost(one.Host, host) })
		if err != nil {
			return err
		}
		loop = own.ID != 0
	}
	if loop {
		return problem.New(problem.Invalid, problem.Field{Field: field, Rule: problem.RuleURLLoop, Detail: host + " is a tracking domain; a link leads to somewhere else"})
	}
	return nil
}

// sameHost also knows two notations of an address.
func sameHost(a, b string) bool {
	if a == b {
		return true
	}
	x, y := net.ParseIP(a), net.ParseIP(b)
	return x != nil && x.Equal(y)
}

// plainPort makes the ports of http and https one: behind a load balancer both lead here.
func plainPort(port string) string {
	if port == "80" || port == "443" {
		return ""
	}
	return port
}
