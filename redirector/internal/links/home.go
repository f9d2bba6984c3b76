package links

import (
	"context"
	"net"
	"strings"

	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// leadsAway returns a problem if a target is on a tracking domain of this installation, whoever's: a link that leads to
// links leads nowhere in the end. Another port than that of the tracked URLs is another server.
func (s *Service) leadsAway(ctx context.Context, field, url string) error {
	t, err := link.NewTarget(url)
	if err != nil || plainPort(t.Port) != plainPort(s.base.Port()) {
		return nil // what is wrong with the URL itself is told elsewhere
	}
	host := strings.TrimSuffix(strings.Trim(t.Host, "[]"), ".")
	own, err := s.domains.find(ctx, func(one storage.Domain) bool { return sameHost(one.Host, host) })
	if err == nil && own.ID != 0 {
		err = problem.New(problem.Invalid, problem.Field{Field: field, Rule: problem.RuleURLLoop, Detail: own.Host + " is a tracking domain; a link leads to somewhere else"})
	}
	return err
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
