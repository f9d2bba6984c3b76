package command

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"longtail/shared/click"
	"longtail/shared/config"
)

type auditCommand struct {
	config.StoreFlags
	From string `help:"First UTC day, YYYY-MM-DD or YYYYMMDD; by default 35 days ago."`
	To   string `help:"Last UTC day; by default tomorrow."`
	Show int    `default:"20" help:"Name at most so many differences."`
}

// Run compares and prints `differing N`.
func (c *auditCommand) Run(ctx context.Context) error {
	now := time.Now().UTC()
	from, err := parseDay(c.From, now.AddDate(0, 0, -35))
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	to, err := parseDay(c.To, now.AddDate(0, 0, 1))
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if to < from {
		return fmt.Errorf("--to %d lies before --from %d", to, from)
	}
	db, err := open(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	differences, err := db.Audit(ctx, from, to)
	if err != nil {
		return err
	}
	for _, d := range differences[:min(len(differences), c.Show)] {
		fmt.Println(d)
	}
	fmt.Printf("audited %d to %d: differing %d\n", from, to, len(differences))
	if len(differences) > 0 {
		return fmt.Errorf("%d counters differ from the rows; worker rebuild DAY mends a day", len(differences))
	}
	return nil
}

type rebuildCommand struct {
	config.StoreFlags
	Day string `arg:"" help:"UTC day, YYYY-MM-DD or YYYYMMDD."`
}

// Run rebuilds.
func (c *rebuildCommand) Run(ctx context.Context) error {
	day, err := parseDay(c.Day, time.Time{})
	if err != nil {
		return err
	}
	db, err := open(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	mended, err := db.Rebuild(ctx, day)
	if err != nil {
		return err
	}
	fmt.Printf("rebuilt %d: mended %d\n", day, mended)
	return nil
}

// parseDay reads a day; "" stands for fallback.
func parseDay(text string, fallback time.Time) (int32, error) {
	if text == "" {
		return click.Day(fallback.UnixMilli()), nil
	}
	for _, layout := range []string{"2006-01-02", "20060102"} {
		if t, err := time.Parse(layout, text); err == nil {
			return click.Day(t.UnixMilli()), nil
		}
	}
	return 0, fmt.Errorf("%s is no day; want YYYY-MM-DD", strconv.Quote(text))
}
