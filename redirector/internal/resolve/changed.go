package resolve

import "context"

// KeysChanged says that a key or an account was stopped, or may answer again.
func (r *Resolver) KeysChanged(ctx context.Context) { r.Changed(ctx, KindKey) }

// DomainsChanged says that a domain came, went or was changed.
func (r *Resolver) DomainsChanged(ctx context.Context) { r.Changed(ctx, KindDomain) }

// Serves reports whether links are clicked under host: it belongs to an account that has proven it, or is the
// installation's. What is not known yet is not served.
func (r *Resolver) Serves(host string) bool {
	s := r.sets.Load()
	return s != nil && s.hosts[normalHost(host)] != nil
}
