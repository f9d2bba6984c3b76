// Package linkstest keeps links in memory, for tests of the rooms that need a store of links.
package linkstest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"longtail/shared/link"
	"longtail/shared/storage"
)

// Memory is a links.Store and a links.Cache that can be made to fail.
type Memory struct {
	mu        sync.Mutex
	Down      error // what every call fails with
	Hosts     []storage.Domain
	campaigns []campaign
	links     []link.Link
	locked    []uint32 // accounts
	found     map[any]int
	history   map[uint64][]storage.LinkVersion
	Warmed    int // links written through
	Shared    int // links written through, but not into this process's memory
	Changed   int // changes told
}

// Keys under which the index of a link is found.
type (
	codeKey struct {
		domain uint32
		code   string
	}
	refKey struct {
		account uint32
		ref     string
	}
	urlKey struct {
		campaign uint64
		url      string
	}
)

type campaign struct {
	storage.Campaign
	ordinal uint32
}

// New returns a memory with the installation's default domain, of account 1.
func New(host string) *Memory {
	return &Memory{Hosts: []storage.Domain{{ID: 1, Account: 1, Host: host, Installation: true}}, found: make(map[any]int), history: make(map[uint64][]storage.LinkVersion)}
}

// Domains returns all domains.
func (m *Memory) Domains(context.Context) ([]storage.Domain, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.Hosts), m.Down
}

// UpdateDomain marks a domain as having foreign codes.
func (m *Memory) UpdateDomain(_ context.Context, account uint32, host string, patch storage.DomainPatch) (storage.Domain, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.Hosts {
		if d := &m.Hosts[i]; d.Account == account && d.Host == host {
			put(&d.ForeignCodes, patch.ForeignCodes)
			return *d, m.Down
		}
	}
	return storage.Domain{}, cmp.Or(m.Down, link.ErrNotFound)
}

// EnsureCampaign finds or makes a campaign.
func (m *Memory) EnsureCampaign(_ context.Context, account uint32, name string) (storage.Campaign, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.campaign(account, name).Campaign, m.Down
}

func (m *Memory) campaign(account uint32, name string) *campaign {
	for i := range m.campaigns {
		if c := &m.campaigns[i]; c.Account == account && c.Name == name {
			return c
		}
	}
	m.campaigns = append(m.campaigns, campaign{Campaign: storage.Campaign{
		ID: uint64(len(m.campaigns) + 1), Account: account, Name: name, Version: 1, CreatedMS: time.Now().UnixMilli()}})
	return &m.campaigns[len(m.campaigns)-1]
}

// CreateLinks stores what it can.
func (m *Memory) CreateLinks(_ context.Context, news []storage.NewLink) ([]storage.CreateResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Down != nil {
		return nil, m.Down
	}
	made := make([]storage.CreateResult, len(news))
	for i := range news {
		made[i] = m.create(&news[i])
	}
	return made, nil
}

func (m *Memory) create(n *storage.NewLink) storage.CreateResult {
	if old, ok := m.found[refKey{n.Account, n.Ref}]; ok && n.Ref != "" {
		if m.links[old].URL != n.URL {
			return storage.CreateResult{Err: link.ErrConflict}
		}
		return storage.CreateResult{Link: m.links[old], Existing: true}
	}
	if old, ok := m.found[urlKey{n.Campaign, n.URL}]; ok && n.Reuse {
		return storage.CreateResult{Link: m.links[old], Existing: true}
	}
	if old, ok := m.found[codeKey{n.Domain, n.Code}]; ok {
		if l := m.links[old]; n.SameCode && l.Account == n.Account && l.URL == n.URL {
			return storage.CreateResult{Link: l, Existing: true}
		}
		return storage.CreateResult{Err: link.ErrTaken}
	}
	l := n.Link
	c := m.campaign(l.Account, l.CampaignName)
	l.ID, l.Ordinal, l.Version, l.CreatedMS = uint64(len(m.links)+1), c.ordinal, 1, time.Now().UnixMilli()
	c.ordinal++
	m.found[codeKey{l.Domain, l.Code}] = len(m.links)
	m.found[refKey{l.Account, l.Ref}] = len(m.links)
	m.found[urlKey{l.Campaign, l.URL}] = len(m.links)
	m.links = append(m.links, l)
	return storage.CreateResult{Link: l}
}

// FindLink finds a link by its code.
func (m *Memory) FindLink(_ context.Context, domain uint32, code string) (link.Link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, ok := m.found[codeKey{domain, code}]; ok {
		return m.links[i], m.Down
	}
	return link.Link{}, cmp.Or(m.Down, link.ErrNotFound)
}

// UpdateLink changes a link and keeps how it was.
func (m *Memory) UpdateLink(_ context.Context, account uint32, id uint64, change storage.Patch, ifVersion *uint32) (link.Link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Down != nil {
		return link.Link{}, m.Down
	}
	l := &m.links[id-1]
	if ifVersion != nil && *ifVersion != l.Version {
		return link.Link{}, link.ErrStale
	}
	before := *l
	put(&l.URL, change.URL)
	put(&l.Name, change.Name)
	put(&l.Tags, change.Tags)
	put(&l.Forward, change.Forward)
	put(&l.State, change.State)
	put(&l.ExpiresMS, change.ExpiresMS)
	l.Version++
	m.history[id] = append(m.history[id], storage.LinkVersion{Version: l.Version, AtMS: time.Now().UnixMilli(), Before: before})
	return *l, nil
}

func put[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// ListLinks returns links, newest first.
func (m *Memory) ListLinks(_ context.Context, f storage.LinkFilter, before uint64, limit int) (found []link.Link, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range slices.Backward(m.links) {
		fits := l.Account == f.Account && (before == 0 || l.ID < before) && (f.Campaign == "" || l.CampaignName == f.Campaign) &&
			(f.Tag == "" || slices.Contains(l.Tags, f.Tag)) && (f.Query == "" || strings.Contains(l.Code+" "+l.URL+" "+l.Name, f.Query))
		if fits && len(found) < limit {
			found = append(found, l)
		}
	}
	return found, m.Down
}

// LinkHistory returns versions, newest first.
func (m *Memory) LinkHistory(_ context.Context, id uint64, before uint32, limit int) (found []storage.LinkVersion, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range slices.Backward(m.history[id]) {
		if (before == 0 || v.Version < before) && len(found) < limit {
			found = append(found, v)
		}
	}
	return found, m.Down
}

// Warm counts the links.
func (m *Memory) Warm(_ context.Context, l []link.Link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Warmed += len(l)
}

// Share counts the links.
func (m *Memory) Share(_ context.Context, l []link.Link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Shared += len(l)
}

// LinkChanged counts the change.
func (m *Memory) LinkChanged(context.Context, uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Changed++
}

// CampaignChanged counts the change.
func (m *Memory) CampaignChanged(ctx context.Context, id uint64) { m.LinkChanged(ctx, id) }

// DomainsChanged counts the change.
func (m *Memory) DomainsChanged(ctx context.Context) { m.LinkChanged(ctx, 0) }

// GetCampaign finds a campaign by its name.
func (m *Memory) GetCampaign(_ context.Context, account uint32, name string) (storage.Campaign, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.campaigns {
		if c.Account == account && c.Name == name {
			return c.Campaign, m.Down
		}
	}
	return storage.Campaign{}, cmp.Or(m.Down, link.ErrNotFound)
}

// ListCampaigns returns campaigns, newest first.
func (m *Memory) ListCampaigns(_ context.Context, account uint32, before uint64, limit int) (found []storage.Campaign, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range slices.Backward(m.campaigns) {
		if c.Account == account && (before == 0 || c.ID < before) && len(found) < limit {
			found = append(found, c.Campaign)
		}
	}
	return found, m.Down
}

// PutCampaign makes or replaces a campaign.
func (m *Memory) PutCampaign(_ context.Context, put storage.Campaign, ifVersion *uint32) (storage.Campaign, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.campaigns)
	c := m.campaign(put.Account, put.Name)
	if ifVersion != nil && *ifVersion != c.Version {
		return put, link.ErrStale
	}
	if len(m.campaigns) == n {
		c.Version++
	}
	put.ID, put.Version, put.CreatedMS = c.ID, c.Version, c.CreatedMS
	c.Campaign = put
	return put, m.Down
}
