package domains

import (
	"context"
	"fmt"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
)

// Targets says what no link of the installation leads to. The clickers of dead links are not sent there either: they would
// go from one dead link to the next.
type Targets interface {
	// LeadsAway returns a problem of the field if a URL is on a tracking domain, or on one of the hosts in also.
	LeadsAway(ctx context.Context, field, url string, also ...string) error
}

// checkFallback notes what is wrong with the place to which a domain's dead links lead, by itself.
func checkFallback(bad *problem.Fields, who account.Principal, wish Wish) {
	if wish.FallbackURL == nil || *wish.FallbackURL == "" {
		return
	}
	_, err := link.NewTarget(*wish.FallbackURL)
	bad.Check("fallback_url", err)
	who.Hosts.Check(bad, "fallback_url", *wish.FallbackURL)
}

// leadsAway returns a problem if the clickers of a domain's dead links would be sent to a tracking domain, whoever's. The
// domain itself need not be proven for that: it may be an hour from now. What became a tracking domain later is caught
// when somebody clicks.
func (s *Service) leadsAway(ctx context.Context, host string, wish Wish) error {
	if wish.FallbackURL == nil || *wish.FallbackURL == "" {
		return nil
	}
	if err := s.o.Targets.LeadsAway(ctx, "fallback_url", *wish.FallbackURL, host); err != nil {
		return fmt.Errorf("check fallback of %s: %w", host, err)
	}
	return nil
}
