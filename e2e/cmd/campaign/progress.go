package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"longtail/e2e/load"
)

// progress is a bar on a terminal, and nothing elsewhere.
type progress struct{ bar *progressbar.ProgressBar }

func (r *run) bar(whole int, what string) progress {
	if r.Demo || !term.IsTerminal(int(os.Stderr.Fd())) { //nolint:gosec // a small number
		return progress{}
	}
	p := progress{progressbar.NewOptions(whole, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("clicks"),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish())}
	_ = p.bar.RenderBlank() // its clock starts
	return p
}

func (p progress) set(n int) {
	if p.bar != nil {
		_ = p.bar.Set(n)
	}
}

func (p progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// watch shows the load until it ends.
func (r *run) watch(ctx context.Context, l *load.Run) {
	bar, every := r.bar(r.Clicks, "answered"), 200*time.Millisecond
	if r.Demo {
		every = time.Second
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	defer bar.finish()
	for {
		select {
		case <-l.Done():
			return
		case <-ticks.C:
			bar.set(l.Progress())
			if r.Demo {
				r.tell(ctx, l)
			}
		}
	}
}

// tell prints one line of a demonstration.
func (r *run) tell(ctx context.Context, l *load.Run) {
	line := fmt.Sprintf("%5.0f s   clicked %6d", time.Since(l.Start).Seconds(), l.Progress())
	if r.api == nil {
		fmt.Println(line)
		return
	}
	balance, err := r.api.Balance(ctx, r.campaign.ID)
	if err != nil {
		fmt.Println(line, "  (the API does not answer)")
		return
	}
	results, err := r.api.Results(ctx, r.campaign.ID)
	if err != nil {
		fmt.Println(line, "  (the API does not answer)")
		return
	}
	fmt.Printf("%s   counted %6d   waiting %4d   unique recipients %6d   complete through %s\n",
		line, results.Clicks, balance.Waiting, results.UniqueRecipients, stamp(results.CompleteThrough))
}
