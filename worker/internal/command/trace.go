package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"longtail/shared/click"
	"longtail/shared/config"
	"longtail/shared/link"
	"longtail/shared/storage"
)

type traceCommand struct {
	config.StoreFlags
	What   string `arg:"" name:"id-or-code" help:"The id of a click (32 hexadecimal digits), a place in a spool (FEED:OFFSET), or the code of a link."`
	Domain string `help:"The link's host; by default every domain that has the code."`
	// A worker's host need not be a redirector's: what is not there is not searched.
	DataDirs []string `name:"data-dir" env:"LONGTAIL_DATA_DIR" default:"./data" help:"Data folders of redirectors on this machine, separated by commas: their spools are searched for a click that is not stored."`
}

// Run tells where a click is, or where a link's clicks are.
func (c *traceCommand) Run(ctx context.Context) error {
	db, err := open(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	if id, err := click.ParseID(strings.ToLower(c.What)); err == nil {
		return c.traceClick(ctx, db, id)
	}
	if feed, offset, found := strings.Cut(c.What, ":"); found {
		return tracePlace(ctx, db, feed, offset)
	}
	return traceLink(ctx, db, strings.ToLower(c.What), strings.ToLower(c.Domain))
}

func (c *traceCommand) traceClick(ctx context.Context, db *storage.DB, id click.ID) error {
	t, err := db.RowsTrace(ctx, id)
	if err != nil {
		return err
	}
	fmt.Printf("click     %s, answered %s\n", id, moment(id.MS()))
	switch {
	case t.Row != nil:
		fmt.Printf("row       stored %s: account %d, campaign %d, link %d\n", moment(t.Row.InsertedMS), t.Row.Account, t.Row.Campaign, t.Row.Link)
		fmt.Printf("figures   %s\n", counted(t.Row))
	case t.Letter != nil:
		fmt.Printf("set aside %s, %s: %s (%q)\n", moment(t.Letter.AtMS), letterStates[t.Letter.State], t.Letter.Reason, t.Letter.Detail)
		fmt.Printf("feed      %s\n", t.Letter.Feed)
	case t.Expired:
		fmt.Println("row       none: its day lies below the retention floor; it is still in the figures")
	default:
		return c.waiting(ctx, db, id)
	}
	if t.Attempts > 0 {
		fmt.Printf("tries     %d, alone, in quarantine\n", t.Attempts)
	}
	return nil
}

func counted(r *storage.StoredClick) string {
	if r.Method != click.GET {
		return "none: HEAD requests are stored and not counted"
	}
	switch r.Token {
	case storage.TokenValid:
		return fmt.Sprintf("counted; credited to recipient %q", r.Recipient)
	case storage.TokenInvalid:
		return "counted; credited to nobody: its token is not valid for the campaign"
	case storage.TokenPrivate:
		return "counted; credited to nobody: the recipient opted out"
	}
	return "counted; credited to nobody: it had no token"
}

func traceLink(ctx context.Context, db *storage.DB, code, host string) error {
	domains, err := db.Domains(ctx)
	if err != nil {
		return err
	}
	shown := 0
	for _, d := range domains {
		if host != "" && d.Host != host {
			continue
		}
		l, err := db.FindLink(ctx, d.ID, code)
		if errors.Is(err, link.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		shown++
		if err := showLink(ctx, db, d.Host, &l); err != nil {
			return err
		}
	}
	if shown == 0 {
		return fmt.Errorf("no click and no link is named %q", code)
	}
	return nil
}

var linkStates = map[link.State]string{link.Live: "live", link.Disabled: "disabled", link.Deleted: "deleted"}

func showLink(ctx context.Context, db *storage.DB, host string, l *link.Link) error {
	totals, err := db.Totals(ctx, l.Campaign, l.ID)
	if err != nil {
		return err
	}
	balance, err := db.FeedBalance(ctx, l.Campaign)
	if err != nil {
		return err
	}
	complete, err := db.Completeness(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("link      %s/%s is %s: account %d, campaign %q (%d), link %d\n", host, l.Code, linkStates[l.State], l.Account, l.CampaignName, l.Campaign, l.ID)
	fmt.Printf("counted   %d clicks, %d unique recipients; complete up to %s\n", totals.Clicks, totals.Uniques, moment(complete))
	fmt.Printf("campaign  answered %d = stored %d + waiting %d + set aside %d\n", balance.Answered, balance.Stored, balance.Waiting, balance.SetAside)
	letters, err := db.DeadLetters(ctx, storage.LetterFilter{Campaign: l.Campaign, Held: true, Limit: 20})
	if err != nil {
		return err
	}
	for _, d := range letters {
		fmt.Printf("set aside %x %s: %q\n", d.ID, d.Reason, d.Detail)
	}
	return nil
}
