// Package loader fills a store with the clicks of past campaigns, for whatever must be seen at a size that nobody wants to
// click. It stands in for the queue: messages of a feed of its own go through the product's ingest into the product's
// transaction, so rows, counters, recipients, balance and complete_through are what they would be had people clicked.
package loader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"longtail/e2e/oracle"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// Options of a load. All but Clicks and DSN have defaults.
type Options struct {
	DSN        string // as the product's: of a store whose schema is there and that has a default domain
	Clicks     int    // exactly
	Seed       uint64 // decides all that is drawn: links, recipients, agents, times before now. Ids are new each time
	Campaigns  int    // named load-1, load-2, ...; the first has most clicks. What is there of them is used again
	Links      int    // of each campaign
	Recipients int    // of each campaign; 0 = six for ten of its clicks
	Days       int    // over which the campaigns were sent: below the retention, and below 35 to have their minutes
	// Progress is told how many clicks are stored, about once a second; nil = nobody asks.
	Progress func(stored int)
}

// Loaded is what a load did.
type Loaded struct {
	Campaigns []string // the one with most clicks first
	Clicks    int
	Took      time.Duration
}

// secret signs the recipients. Only their names are stored, so nobody else needs it.
var secret = []byte("a secret of clicks never clicked")

// Load stores the clicks and returns when all are committed and complete_through no longer waits for them. Its memory does
// not depend on their number. A load that is interrupted leaves true figures of what it stored.
func Load(ctx context.Context, o Options) (Loaded, error) {
	db, err := storage.Open(ctx, storage.Options{DSN: o.DSN, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return Loaded{}, err
	}
	loaded, err := load(ctx, db, o)
	return loaded, errors.Join(err, db.Close())
}

func load(ctx context.Context, db *storage.DB, o Options) (Loaded, error) {
	start := time.Now()
	if err := openDays(ctx, o.DSN, start, o.Days); err != nil {
		return Loaded{}, fmt.Errorf("partitions of past days: %w", err)
	}
	campaigns, err := prepare(ctx, db, o, start)
	if err != nil {
		return Loaded{}, err
	}
	loaded := Loaded{Clicks: o.Clicks}
	for _, c := range campaigns {
		loaded.Campaigns = append(loaded.Campaigns, c.name)
	}
	err = Pour(ctx, db, link.Keyring(secret, nil), clicks(campaigns), o.Progress)
	loaded.Took = time.Since(start)
	return loaded, err
}

// prepare makes the campaigns with their links, and shares the clicks out among them: the k-th has a k-th of the first's.
func prepare(ctx context.Context, db *storage.DB, o Options, now time.Time) ([]*campaign, error) {
	domain, err := defaultDomain(ctx, db)
	if err != nil {
		return nil, err
	}
	sum := 0.0
	for k := range o.Campaigns {
		sum += 1 / float64(k+1)
	}
	all := make([]*campaign, o.Campaigns)
	left := o.Clicks
	for k := len(all) - 1; k >= 0; k-- {
		name, n := fmt.Sprintf("load-%d", k+1), int(float64(o.Clicks)/float64(k+1)/sum)
		if k == 0 {
			n = left // what rounding has left
		}
		left -= n
		links, err := makeLinks(ctx, db, domain, name, o.Links)
		if err != nil {
			return nil, err
		}
		c := newCampaign(name, links, n, o.Recipients, o.Seed+uint64(k)<<32) //nolint:gosec // few
		c.sent, c.end = sending(now, o.Days, k, len(all))
		all[k] = c
	}
	return all, nil
}

// sending tells when campaign k of n was sent, the first one longest ago, and until when it was clicked. The least time
// leaves room for the first hours of the long tail.
func sending(now time.Time, days, k, n int) (sent, end time.Time) {
	span := time.Duration(days-1) * 24 * time.Hour
	end = now.Add(-time.Minute).UTC()
	return end.Add(-burst - span*time.Duration(n-k)/time.Duration(n)), end
}

func defaultDomain(ctx context.Context, db *storage.DB) (storage.Domain, error) {
	domains, err := db.Domains(ctx)
	if err != nil {
		return storage.Domain{}, err
	}
	for _, d := range domains {
		if d.Installation {
			return d, nil
		}
	}
	return storage.Domain{}, errors.New("the store has no default domain: start a redirector on it once")
}

// linksAtOnce bounds one transaction that makes links.
const linksAtOnce = 1000

// makeLinks makes links of a campaign, or finds those that an earlier load has made.
func makeLinks(ctx context.Context, db *storage.DB, domain storage.Domain, name string, n int) ([]link.Link, error) {
	var all []link.Link
	for len(all) < n {
		asked := make([]storage.NewLink, min(linksAtOnce, n-len(all)))
		for i := range asked {
			k := len(all) + i
			asked[i].Link = link.Link{
				Account: domain.Account, Domain: domain.ID, CampaignName: name, URL: oracle.Target(k), Ref: fmt.Sprintf("%s-%d", name, k),
			}
		}
		made, err := db.CreateLinks(ctx, asked)
		if err != nil {
			return nil, err
		}
		for _, m := range made {
			if m.Err != nil {
				return nil, m.Err
			}
			all = append(all, m.Link)
		}
	}
	return all, nil
}

// Catalogue makes a campaign of n links that nobody clicked, to turn the pages of.
func Catalogue(ctx context.Context, dsn, name string, n int) error {
	db, err := storage.Open(ctx, storage.Options{DSN: dsn, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	domain, err := defaultDomain(ctx, db)
	if err == nil {
		_, err = makeLinks(ctx, db, domain, name, n)
	}
	return errors.Join(err, db.Close())
}
