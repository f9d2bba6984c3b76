package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"longtail/redirector/internal/rewrite"
	"longtail/shared/config"
	"longtail/shared/link"
)

// maxMail bounds the file, as the API does.
const maxMail = 10 << 20

type rewriteCommand struct {
	config.PublicFlags
	DryRun      bool              `required:"" help:"Show what POST /api/v1/rewrite would change, and change nothing; the command does no more."`
	Text        bool              `help:"The file is plain text, whatever its name."`
	Placeholder string            `name:"token-placeholder" help:"What stands for the recipient's token, like {{t}}."`
	Unsubscribe string            `name:"list-unsubscribe" help:"The mail's List-Unsubscribe header."`
	UTM         map[string]string `name:"utm" help:"Parameters to add to targets, like utm_source=mail;utm_medium=email."`
	File        string            `arg:"" help:"The mail's HTML part, or its text part if the name ends in .txt; - reads standard input."`
}

// Run prints a diff, the links and why the others were left. It asks no store.
func (c *rewriteCommand) Run(context.Context) error {
	source, err := readMail(c.File)
	if err != nil {
		return err
	}
	var p config.Problems
	public := c.Parse(&p)
	if err := p.Err(); err != nil {
		return err
	}
	base, err := link.NewTarget(public.URL.String())
	if err != nil {
		return fmt.Errorf("LONGTAIL_PUBLIC_URL: %w", err)
	}
	o := rewrite.Options{UTM: c.UTM, Unsubscribe: make(map[string]bool), Tracked: func(t link.Target) bool { return t.Host == base.Host && t.Port == base.Port }}
	for _, url := range rewrite.HeaderURLs(c.Unsubscribe) {
		o.Unsubscribe[url] = true
	}
	plan := rewrite.HTML
	if c.Text || strings.HasSuffix(strings.ToLower(c.File), ".txt") {
		plan = rewrite.Text
	}
	out := bufio.NewWriter(os.Stdout)
	report(out, c.File, source, plan(source, o), strings.TrimSuffix(public.URL.String(), "/"), c.Placeholder)
	return out.Flush()
}

func readMail(name string) (string, error) {
	file := os.Stdin
	if name != "-" {
		var err error
		if file, err = os.Open(name); err != nil {
			return "", err
		}
		defer file.Close()
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxMail+1))
	if err == nil && len(raw) > maxMail {
		err = errors.New("the mail has more than 10 MiB")
	}
	return string(raw), err
}

// report shows what the plan would do, with codes that stand for those the API would make.
func report(out io.Writer, name, source string, p *rewrite.Plan, base, placeholder string) {
	targets := rewrite.Targets(p)
	stored := make(map[string]rewrite.Stored, len(targets))
	for i, t := range targets {
		stored[t.URL] = rewrite.Stored{TrackedURL: fmt.Sprintf("%s/code-%d", base, i+1)}
	}
	r := p.Apply(stored, placeholder)
	fmt.Fprintf(out, "--- %s\n+++ rewritten\n", name)
	writeDiff(out, source, r.Edits)
	counts := make(map[string]int)
	for _, l := range r.Links {
		counts[l.URL] += l.Occurrences
	}
	fmt.Fprintf(out, "\n%d targets:\n", len(targets))
	for i, t := range targets {
		fmt.Fprintf(out, "  code-%d, %d times: %s", i+1, counts[t.URL], shown(t.URL))
		if len(t.Forward) > 0 {
			fmt.Fprintf(out, " (passes on %s)", shown(strings.Join(t.Forward, ", ")))
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "%d links left alone:\n", len(r.Skipped))
	for _, s := range r.Skipped {
		fmt.Fprintf(out, "  line %d: %s: %s (%s)\n", s.Line, shown(cropped(s.URL)), s.Reason, s.Reason.Words())
	}
}
