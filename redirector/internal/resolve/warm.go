package resolve

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"longtail/shared/link"
)

// Warm puts links that were just committed into this instance's memory and into Redis, and takes back everywhere that
// their codes do not exist. Nothing depends on it: without it the first click pays for the load. It takes a few
// hundred milliseconds at most when Redis is slow.
func (r *Resolver) Warm(ctx context.Context, links []link.Link) {
	targets := make([]*Target, len(links))
	now := time.Now().UnixMilli()
	for i := range links {
		targets[i] = Of(&links[i])
		r.memory.fill(targets[i].key(), &entry{target: targets[i], loadedMS: now}, r.floors.least)
	}
	r.share(ctx, targets)
}

// Share is Warm without this instance's memory: for the many links of one request, which would only push out what is
// clicked now. That their codes do not exist is taken back here, too.
func (r *Resolver) Share(ctx context.Context, links []link.Link) {
	targets := make([]*Target, len(links))
	for i := range links {
		targets[i] = Of(&links[i])
		r.memory.revive(targets[i].key())
	}
	r.share(ctx, targets)
}

func (r *Resolver) share(ctx context.Context, targets []*Target) {
	if r.shared == nil {
		return
	}
	ctx = context.WithoutCancel(ctx) // the caller may be gone, the links are there
	for some := range slices.Chunk(targets, 500) {
		if r.shared.store(ctx, some) != nil {
			r.metrics.redisErrors.Inc()
		}
		if r.shared.publish(ctx, created(some)) != nil {
			r.metrics.redisErrors.Inc()
			return
		}
	}
}

func created(targets []*Target) string {
	var b strings.Builder
	b.WriteString(busCreated)
	for _, t := range targets {
		b.WriteByte(' ')
		b.WriteString(strconv.FormatUint(uint64(t.Domain), 10))
		b.WriteByte(':')
		b.WriteString(t.Code)
	}
	return b.String()
}

// Changed says that a change was committed: this instance reads the feed now, and the others when the bus tells them.
// Nothing depends on it: without it they read it within a second.
func (r *Resolver) Changed(ctx context.Context, _ Kind, _ ...uint64) {
	r.readSoon()
	if r.shared != nil && r.shared.publish(context.WithoutCancel(ctx), busChanged) != nil {
		r.metrics.redisErrors.Inc()
	}
}

// LinkChanged says that a link was edited, disabled or deleted.
func (r *Resolver) LinkChanged(ctx context.Context, id uint64) { r.Changed(ctx, KindLink, id) }

// CampaignChanged says that a campaign was edited.
func (r *Resolver) CampaignChanged(ctx context.Context, id uint64) { r.Changed(ctx, KindCampaign, id) }
