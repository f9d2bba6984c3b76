package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"longtail/e2e/curve"
	"longtail/e2e/evidence"
	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/platform"
	"longtail/shared/link"
)

// Run is called by kong.
func (o *runCommand) Run(ctx context.Context) error {
	if o.Load > 0 {
		return o.load(ctx)
	}
	if err := o.locate(); err != nil {
		return err
	}
	if o.Compare {
		return o.compare(ctx)
	}
	out, err := o.once(ctx, o.Mode)
	if err != nil {
		return err
	}
	out.print(os.Stdout)
	if o.Chart != "" {
		if err := out.draw(o.Chart); err != nil {
			return err
		}
	}
	if out.broken() {
		return errBroken
	}
	return ctx.Err() // an interrupted campaign shows nothing
}

// A run is one campaign from its creation to the comparison.
type run struct {
	*runCommand

	mode      string
	api       *platform.API      // nil: clicks go to one path and nothing is stored
	db        *evidence.Database // nil: rows are not compared
	campaign  *oracle.Campaign
	curve     curve.Curve
	hour      time.Duration
	due       []time.Duration
	dial      string
	finish    func() error // ends the server of another mode
	blindPath string
}

// once runs a campaign in a mode.
func (o *runCommand) once(ctx context.Context, mode string) (*outcome, error) {
	r := &run{runCommand: o, mode: mode, finish: func() error { return nil }}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	if r.db != nil {
		defer r.db.Close()
	}
	defer func() { _ = r.finish() }() // for the errors between
	out, err := r.click(ctx)
	if err != nil {
		return nil, err
	}
	// What was clicked is compared even when the clicking was interrupted, and told even when it cannot be compared.
	out.tally = oracle.Count(out.answers)
	if err := r.compareRows(context.WithoutCancel(ctx), out); err != nil {
		out.note = fmt.Sprintf("cannot compare: %v", err)
	}
	return out, nil
}

// prepare opens everything and creates the campaign.
func (r *run) prepare(ctx context.Context) error {
	var err error
	var host string
	if r.curve, r.hour, err = r.shape(); err != nil {
		return err
	}
	r.due = curve.Arrivals(r.curve, r.Clicks, r.hour, r.Seed)
	if r.dial, host, r.blindPath, err = target(r.Addr); err != nil {
		return err
	}
	if r.DB != "" {
		if r.db, err = evidence.Open(r.DB); err != nil {
			return err
		}
	}
	id := fmt.Sprintf("campaign-%d-%s", r.Seed, time.Now().UTC().Format("20060102T150405.000"))
	links, key := []oracle.Link{{Path: r.blindPath}}, link.CampaignKey{}
	if r.API != "" {
		r.api = &platform.API{Base: r.API, Key: r.Key}
		if links, key, err = r.create(ctx, id); err != nil {
			return err
		}
	}
	if r.mode != "longtail" {
		var finish func() error
		if r.dial, finish, err = startServer(ctx, r.mode, r.DB); err != nil {
			return err
		}
		r.finish = sync.OnceValue(finish)
	}
	r.campaign = oracle.NewCampaign(id, host, links, r.Recipients, key, r.Seed)
	return nil
}

func (r *run) create(ctx context.Context, id string) ([]oracle.Link, link.CampaignKey, error) {
	var urls []string
	for k := range r.Links {
		urls = append(urls, oracle.Target(k))
	}
	links, err := r.api.CreateLinks(ctx, id, urls)
	if err != nil {
		return nil, link.CampaignKey{}, err
	}
	key, err := r.api.SigningKey(ctx, id)
	return links, key, err
}

// click sends all clicks and waits until they are counted.
func (r *run) click(ctx context.Context) (*outcome, error) {
	out := &outcome{run: r}
	var sampler *evidence.Sampler
	if r.db != nil {
		sampler = r.db.StartSampler(context.WithoutCancel(ctx), r.hour)
	}
	l := load.Start(ctx, load.Options{Addr: r.dial, Connections: r.Connections, Timeout: r.Timeout}, r.due, r.campaign)
	out.start = l.Start
	r.watch(ctx, l)
	out.answers = l.Answers()
	out.latency, out.service = load.Latencies(out.answers, load.Answer.Latency), load.Latencies(out.answers, load.Answer.Service)
	if r.api != nil && r.mode == "longtail" {
		out.settled, out.note = r.settle(ctx, out.answers, l.Start)
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	if sampler != nil {
		out.samples, out.firstHour, out.whole = sampler.Stop()
		out.wholeTime = time.Since(out.start)
	}
	return out, nil
}

// compareRows reads what is stored and compares.
func (r *run) compareRows(ctx context.Context, out *outcome) error {
	if r.api == nil || r.db == nil {
		return nil
	}
	rows, err := r.db.Rows(ctx, r.campaign.ID)
	if err != nil {
		return err
	}
	ours := r.mode == "longtail"
	out.compared, out.rows, out.tally = true, rows, r.campaign.Compare(out.answers, rows, ours)
	if !ours {
		return nil
	}
	if out.figures, err = r.db.Figures(ctx, r.campaign.ID); err != nil {
		return err
	}
	if out.results, err = r.api.Results(ctx, r.campaign.ID); err != nil {
		return err
	}
	if out.balance, err = r.api.Balance(ctx, r.campaign.ID); err != nil {
		return err
	}
	out.figures.Stats = &out.results.Stats
	out.differences = oracle.Differences(rows, out.figures)
	return nil
}
