package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/config"
	"longtail/shared/pool"
	"longtail/shared/queue/rabbit"
	"longtail/shared/telemetry"
)

type statusCommand struct {
	config.StoreFlags
	JSON bool `name:"json" help:"As GET /api/v1/ops/pipeline answers."`
}

// Run looks twice, a second apart, and prints what it saw.
func (c *statusCommand) Run(ctx context.Context) error {
	db, err := open(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	view, err := pool.NewView(db).View(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(view)
	}
	return printStatus(os.Stdout, view)
}

func printStatus(out io.Writer, p *pool.Pipeline) error {
	rate := "no limit"
	if p.InsertRate > 0 {
		rate = fmt.Sprintf("%d a second", p.InsertRate)
	}
	fmt.Fprintf(out, "arriving      %.1f a second\ninserting     %.1f a second (pool: %s)\n", p.ArrivalPerS, p.InsertPerS, rate)
	fmt.Fprintf(out, "waiting       spool %d%s, broker %d%s, in hand %d%s\n", p.Backlog.Spool, aged("oldest", p.Oldest.Spool),
		p.Backlog.Broker, aged("oldest at most", p.Oldest.Broker), p.Backlog.Held, aged("oldest", p.Oldest.Held))
	fmt.Fprintf(out, "dead letters  %d\nunrecorded    %d\n\n", p.DeadLetters, p.Unrecorded)
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "WORKER\tNAME\tSHARE\tMESSAGES IN HAND\tROWS A SECOND\tSEEN")
	for _, w := range p.Workers {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%.1f\t%s\n", w.ID, w.Name, w.Share, w.PrefetchUsed, w.InsertPerS, w.Seen)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, h := range p.HoldingBack {
		fmt.Fprintf(out, "\nholds complete_through back: %s (feed %s), silent since %s, %d clicks waiting", h.Instance, h.Feed, h.Since, h.Waiting)
	}
	for _, a := range p.Advice {
		fmt.Fprintf(out, "\n%s: %s", a.Code, a.Text)
	}
	fmt.Fprintln(out)
	return nil
}

// aged says how old a keeper's oldest click is, where there is one.
func aged(word string, seconds *float64) string {
	if seconds == nil {
		return ""
	}
	return fmt.Sprintf(" (%s %.1f s)", word, *seconds)
}

type takebackCommand struct{ config.BrokerFlags }

// Run moves the messages that this program can read back into the queue.
func (c *takebackCommand) Run(ctx context.Context) error {
	var p config.Problems
	url := c.BrokerFlags.Parse(&p).URLs
	if err := p.Err(); err != nil {
		return err
	}
	broker, err := rabbit.New(rabbit.Options{URL: url, Name: "worker takeback", Log: telemetry.NewLog(os.Stderr, ""), Registerer: prometheus.NewRegistry()})
	if err != nil {
		return err
	}
	moved, err := broker.TakeBack(ctx)
	fmt.Printf("took back %d messages\n", moved)
	return err
}
