// Command demo shows a small campaign in a terminal: it starts allinone in a temporary folder, makes three links, lets
// people click along the long tail, and draws each second how many clicked and how many are counted. It is make demo.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"longtail/e2e/curve"
	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/platform"
	"longtail/e2e/stack"
)

// The campaign: its first hour takes 15 seconds, the last click comes after about a minute and three quarters.
const (
	campaign = "demo"
	people   = 600
	hour     = 15 * time.Second
	key      = "demo-key-0123456789-0123456789-0123456789"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := show(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// show runs the demo from the start of allinone to its end.
func show(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "longtail-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: map[string]string{"LONGTAIL_BOOTSTRAP_KEY": key}})
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := p.Start(starting); err != nil {
		return err
	}
	defer p.Close()

	api := &platform.API{Base: p.APIURL(), Key: key}
	crowd, err := gather(ctx, api, p.URL())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "allinone runs as process %d at %s; %d people click %d links; an hour takes %v; Ctrl-C ends it\n\n",
		p.PID(), p.URL(), people, len(crowd.Links), hour)
	run := load.Start(ctx, load.Options{Addr: strings.TrimPrefix(p.URL(), "http://"), Connections: 20, Timeout: 5 * time.Second},
		curve.Arrivals(curve.NewLongTail(), people, hour, uint64(time.Now().UnixNano())), crowd) //nolint:gosec // a seed
	return watch(ctx, out, api, run)
}

// gather makes the campaign: its links, and people with signed tokens.
func gather(ctx context.Context, api *platform.API, publicURL string) (*oracle.Campaign, error) {
	links, err := api.CreateLinks(ctx, campaign, []string{oracle.Target(0), oracle.Target(1), oracle.Target(2)})
	if err != nil {
		return nil, err
	}
	signing, err := api.SigningKey(ctx, campaign)
	if err != nil {
		return nil, err
	}
	return oracle.NewCampaign(campaign, strings.TrimPrefix(publicURL, "http://"), links, people/2, signing, 1), nil
}

// watch draws a line each second until everybody has clicked and all of it is counted.
func watch(ctx context.Context, out io.Writer, api *platform.API, run *load.Run) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	before := 0
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-second.C:
		}
		clicked := run.Progress()
		results, err := api.Results(ctx, campaign)
		if err != nil {
			return err
		}
		counted := results.Clicks
		fmt.Fprintf(out, "%3d s  %-40s %3d/s   clicked %4d   counted %4d   different people %4d\n", n, strings.Repeat("#", min(40, (clicked-before+1)/2)),
			clicked-before, clicked, counted, results.UniqueRecipients)
		before = clicked
		if clicked == people && counted >= answered(run) {
			fmt.Fprintf(out, "\n%d people clicked, %d were redirected, %d are counted\n", people, answered(run), counted)
			return nil
		}
	}
}

// answered counts the people who were redirected, once everybody has clicked.
func answered(run *load.Run) int {
	n := 0
	for _, a := range run.Answers() {
		if a.Fate == load.Answered {
			n++
		}
	}
	return n
}
