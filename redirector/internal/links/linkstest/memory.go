// Package linkstest keeps links in memory, for tests of the rooms that need a store of links.
package linkstest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"longtail/redirector/internal/links"
	"longtail/shared/link"
)

// Memory is a links.Store and a links.Cache that can be made to fail.
type Memory struct {
	mu        sync.Mutex
	Down      error // what every call fails with
	Hosts     []links.Domain
	campaigns []campaign
	links     []link.Link
	found     map[any]int
	history   map[uint64][]links.Version
	Warmed    int // links written through
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
	account uint32
	links.CampaignRow
	ordinal uint32
}

// New returns a memory with the installation's default domain, of account 1.
func New(host string) *Memory {
	return &Memory{Hosts: []links.Domain{{ID: 1, Account: 1, Host: host, Installation: true}}, found: make(map[any]int), history: make(map[uint64][]links.Version)}
}

// Domains returns all domains.
func (m *Memory) Domains(context.Context) ([]links.Domain, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.Hosts), m.Down
}

// EnsureCampaign finds or makes a campaign.
func (m *Memory) EnsureCampaign(_ context.Context, account uint32, name string) (links.Campaign, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.campaign(account, name).Campaign, m.Down
}

func (m *Memory) campaign(account uint32, name string) *campaign {
	for i := range m.campaigns {
		if c := &m.campaigns[i]; c.account == account && c.Name == name {
			return c
		}
	}
	m.campaigns = append(m.campaigns, campaign{account: account, CampaignRow: links.CampaignRow{
		Campaign: links.Campaign{ID: uint64(len(m.campaigns) + 1), Name: name}, Version: 1, CreatedMS: time.Now().UnixMilli()}})
	return &m.campaigns[len(m.campaigns)-1]
}

// CreateLinks stores what it can.
func (m *Memory) CreateLinks(_ context.Context, news []links.NewLink) ([]links.Made, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Down != nil {
		return nil, m.Down
	}
	made := make([]links.Made, len(news))
	for i := range news {
		made[i] = m.create(&news[i])
	}
	return made, nil
}

func (m *Memory) create(n *links.NewLink) links.Made {
	if old, ok := m.found[refKey{n.Account, n.Ref}]; ok && n.Ref != "" {
		if m.links[old].URL != n.URL {
			return links.Made{Err: link.ErrConflict}
		}
		return links.Made{Link: m.links[old], Existing: true}
	}
	if old, ok := m.found[urlKey{n.Campaign, n.URL}]; ok && n.Reuse {
		return links.Made{Link: m.links[old], Existing: true}
	}
	if _, ok := m.found[codeKey{n.Domain, n.Code}]; ok {
		return links.Made{Err: link.ErrTaken}
	}
	l := n.Link
	c := m.campaign(l.Account, l.CampaignName)
	l.ID, l.Ordinal, l.Version, l.CreatedMS = uint64(len(m.links)+1), c.ordinal, 1, time.Now().UnixMilli()
	c.ordinal++
	m.found[codeKey{l.Domain, l.Code}] = len(m.links)
	m.found[refKey{l.Account, l.Ref}] = len(m.links)
	m.found[urlKey{l.Campaign, l.URL}] = len(m.links)
	m.links = append(m.links, l)
	return links.Made{Link: l}
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
func (m *Memory) UpdateLink(_ context.Context, account uint32, id uint64, change links.Change, ifVersion *uint32) (link.Link, error) {
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
	m.history[id] = append(m.history[id], links.Version{Version: l.Version, AtMS: time.Now().UnixMilli(), Before: before})
	return *l, nil
}

func put[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// ListLinks returns links, newest first.
func (m *Memory) ListLinks(_ context.Context, f links.Filter, before uint64, limit int) (found []link.Link, err error) {
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
func (m *Memory) LinkHistory(_ context.Context, id uint64, before uint32, limit int) (found []links.Version, err error) {
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

// LinkChanged counts the change.
func (m *Memory) LinkChanged(context.Context, uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Changed++
}

// CampaignChanged counts the change.
func (m *Memory) CampaignChanged(context.Context, uint64) { m.LinkChanged(context.Background(), 0) }

// FindCampaign finds a campaign by its name.
func (m *Memory) FindCampaign(_ context.Context, account uint32, name string) (links.CampaignRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.campaigns {
		if c.account == account && c.Name == name {
			return c.CampaignRow, m.Down
		}
	}
	return links.CampaignRow{}, cmp.Or(m.Down, link.ErrNotFound)
}

// ListCampaigns returns campaigns, newest first.
func (m *Memory) ListCampaigns(_ context.Context, account uint32, before uint64, limit int) (found []links.CampaignRow, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range slices.Backward(m.campaigns) {
		if c.account == account && (before == 0 || c.ID < before) && len(found) < limit {
			found = append(found, c.CampaignRow)
		}
	}
	return found, m.Down
}

// PutCampaign makes or replaces a campaign.
func (m *Memory) PutCampaign(_ context.Context, account uint32, row links.CampaignRow, ifVersion *uint32) (links.CampaignRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.campaigns)
	c := m.campaign(account, row.Name)
	if ifVersion != nil && *ifVersion != c.Version {
		return row, link.ErrStale
	}
	if len(m.campaigns) == n {
		c.Version++
	}
	c.Campaign.Domain, c.CampaignFields = row.Campaign.Domain, row.CampaignFields
	return c.CampaignRow, m.Down
}
