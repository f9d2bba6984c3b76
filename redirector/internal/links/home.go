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
	own, err := s.tracking(ctx, host)
	if err != nil {
		return err
	}
	if own || slices.Contains(also, host) {
		return problem.New(problem.Invalid, problem.Field{Field: field, Rule: problem.RuleURLLoop, Detail: host + " is a tracking domain; a link leads to somewhere else"})
	}
	return nil
}

// tracking reports whether a host is a proven domain; of an address it knows every notation.
func (s *Service) tracking(ctx context.Context, host string) (bool, error) {
	own, err := s.domains.named(ctx, host)
	if err != nil || own.ID != 0 {
		return own.Verified(), err
	}
	address := net.ParseIP(host)
	if address == nil {
		return false, nil
	}
	own, err = s.domains.find(ctx, func(one storage.Domain) bool { return one.Verified() && address.Equal(net.ParseIP(one.Host)) })
	return own.ID != 0, err
}

// plainPort makes the ports of http and https one: behind a load balancer both lead here.
func plainPort(port string) string {
	if port == "80" || port == "443" {
		return ""
	}
	return port
}
