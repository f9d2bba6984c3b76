package links

import (
	"context"
	"fmt"

	"longtail/shared/storage"
)

// hasForeign marks a domain as having codes of another maker, before the first of them stands on it: from then on no code
// is refused there for its shape alone.
func (s *Service) hasForeign(ctx context.Context, m *making, domain storage.Domain) error {
	if domain.ForeignCodes || m.foreign[domain.ID] {
		return nil
	}
	yes := true
	if _, err := s.store.UpdateDomain(ctx, domain.Account, domain.Host, storage.DomainPatch{ForeignCodes: &yes}); err != nil {
		return fmt.Errorf("mark %s as having foreign codes: %w", domain.Host, err)
	}
	m.foreign[domain.ID] = true
	s.domains.forget()
	s.cache.DomainsChanged(ctx)
	return nil
}
