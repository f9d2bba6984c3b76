package account

import (
	"slices"
	"strings"

	"longtail/redirector/internal/problem"
	"longtail/shared/link"
)

// maxHosts is how many hosts a key can be limited to.
const maxHosts = 100

// Hosts are the hosts to which a key's links may lead, separated by spaces: shop.example is that host alone,
// *.shop.example every host below it. "" is every host there is.
type Hosts string

// Allow reports whether a link of the key may lead to host, as link.Target names it.
func (h Hosts) Allow(host string) bool {
	if h == "" {
		return true
	}
	for one := range strings.FieldsSeq(string(h)) {
		if below, wild := strings.CutPrefix(one, "*"); host == one || wild && strings.HasSuffix(host, below) {
			return true
		}
	}
	return false
}

// Check notes that a key limited to h must not store a link to url. A url that breaks other rules is not its matter.
func (h Hosts) Check(bad *problem.Fields, field, url string) {
	if target, err := link.NewTarget(url); err == nil && !h.Allow(target.Host) {
		bad.Add(field, problem.RuleTargetHost, "the key may lead only to "+strings.ReplaceAll(string(h), " ", ", "))
	}
}

// checkHosts returns the hosts as they are kept: ASCII, lower case, each once.
func checkHosts(bad *problem.Fields, hosts []string) []string {
	if len(hosts) > maxHosts {
		bad.Add("hosts", problem.RuleLength, "at most 100 of them")
		return nil
	}
	seen := make(map[string]bool, len(hosts))
	var kept []string
	for _, host := range hosts {
		name, wild := strings.CutPrefix(host, "*.")
		target, err := link.NewTarget("https://" + name)
		if err != nil || target.Port != "" || strings.ContainsAny(name, "/?#:*") {
			bad.Add("hosts", problem.RuleShape, "hosts such as shop.example, or *.shop.example for every host below it")
			return nil
		}
		name = target.Host
		if wild {
			name = "*." + name
		}
		if !seen[name] {
			seen[name], kept = true, append(kept, name)
		}
	}
	return kept
}

func (h Hosts) list() []string { return strings.Fields(string(h)) }

// cover returns a problem if hosts allow more than h does: a limited key makes no freer ones.
func (h Hosts) cover(hosts []string) error {
	freer := func(host string) bool { return !h.Allow(strings.ToLower(host)) } // *.shop.example is allowed by itself and by what lies above
	if h == "" || len(hosts) > 0 && !slices.ContainsFunc(hosts, freer) {
		return nil
	}
	return problem.New(problem.Forbidden, problem.Field{Field: "hosts", Rule: problem.RuleTargetHost, Detail: "more than the key that asks may do"})
}

// LockedDetail says why an account's target was not changed.
const LockedDetail = "the targets of this account keep their hosts; the operator can change that"

// SameHost reports whether a target that takes another's place leads to the same host, or nowhere.
func SameHost(before, after string) bool {
	if before == after || after == "" {
		return true
	}
	b, errBefore := link.NewTarget(before)
	a, errAfter := link.NewTarget(after)
	return errBefore == nil && errAfter == nil && a.Host == b.Host
}
