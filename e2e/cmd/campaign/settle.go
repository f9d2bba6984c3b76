package main

import (
	"context"
	"fmt"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/platform"
)

// askEvery is the pause between questions about the balance while the store catches up.
const askEvery = 500 * time.Millisecond

// settle waits until every answered click is counted and the figures are said to be complete. It gives up when nothing
// has moved for the time of patience. It returns how long after the last answer that was, and what is to be noted.
func (r *run) settle(ctx context.Context, answers []load.Answer, start time.Time) (time.Duration, string) {
	answered, last := 0, start
	for _, a := range answers {
		if a.Fate == load.Answered {
			answered++
		}
		if at := start.Add(a.Done); at.After(last) {
			last = at
		}
	}
	bar := r.bar(answered, "stored")
	defer bar.finish()
	var before platform.Balance
	var through time.Time
	for moved := time.Now(); ; {
		balance, err := r.api.Balance(ctx, r.campaign.ID)
		if err == nil && balance.Stored != before.Stored {
			before, moved = balance, time.Now()
			bar.set(balance.Stored)
		}
		if err == nil && balance.Waiting == 0 && balance.Stored+balance.SetAside >= answered {
			var results platform.Results
			if results, err = r.api.Results(ctx, r.campaign.ID); err == nil {
				if results.CompleteThrough.After(last) {
					return time.Since(last), ""
				}
				through = results.CompleteThrough
			}
		}
		switch {
		case ctx.Err() != nil:
			return 0, "interrupted before all was counted"
		case time.Since(moved) > r.Patience && err != nil:
			return 0, fmt.Sprintf("given up waiting: %v", err)
		case time.Since(moved) > r.Patience:
			return 0, fmt.Sprintf("given up waiting: nothing moved for %v; balance %+v, complete through %s, last answer %s",
				r.Patience, balance, stamp(through), stamp(last))
		}
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
		}
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("15:04:05.000")
}
