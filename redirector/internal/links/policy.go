package links

import (
	"context"
	"fmt"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
)

// What a principal's key and account allow of a target, beyond what every target must be.

// allowed returns a problem if the key must not lead anybody to url.
func allowed(who account.Principal, field, url string) error {
	var bad problem.Fields
	if url != "" {
		who.Hosts.Check(&bad, field, url)
	}
	return bad.Err()
}

// mayReplace returns a problem if who must not put the target after in the place of before, "" for none: because of the
// key, or because the account has its links keep their hosts, so that a stolen key cannot turn what was mailed.
func (s *Service) mayReplace(ctx context.Context, who account.Principal, field, before, after string) error {
	if err := allowed(who, field, after); err != nil || account.SameHost(before, after) {
		return err
	}
	owner, err := s.store.GetAccount(ctx, who.Account)
	if err != nil {
		return fmt.Errorf("find account: %w", err)
	}
	if owner.LockHosts {
		return problem.New(problem.Invalid, problem.Field{Field: field, Rule: problem.RuleHostLocked, Detail: account.LockedDetail})
	}
	return nil
}
