package command

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"longtail/shared/click"
	"longtail/shared/config"
	"longtail/shared/storage"
)

type deadletterCommand struct {
	List   letterList   `cmd:"" help:"Show the clicks that were set aside."`
	Show   letterShow   `cmd:"" help:"Show one of them, decoded."`
	Replay letterReplay `cmd:"" help:"Try them again: what is stored now is no dead letter any more."`
	Drop   letterDrop   `cmd:"" help:"Give them up for good; they stay set aside in the balance."`
}

var letterStates = map[storage.LetterState]string{storage.LetterHeld: "held", storage.LetterReplayed: "replayed", storage.LetterDropped: "dropped"}

type letterList struct {
	config.StoreFlags
	Reason string `help:"Only those of this reason."`
	All    bool   `help:"Also those that were replayed or dropped."`
	Limit  int    `default:"100" help:"At most so many."`
}

// Run prints the letters, the oldest first.
func (c *letterList) Run(ctx context.Context) error {
	db, err := open(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	letters, err := db.DeadLetters(ctx, storage.LetterFilter{Reason: c.Reason, Held: !c.All, Limit: c.Limit})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSET ASIDE\tSTATE\tREASON\tDETAIL")
	for _, l := range letters {
		fmt.Fprintf(table, "%x\t%s\t%s\t%s\t%q\n", l.ID, moment(l.AtMS), letterStates[l.State], l.Reason, l.Detail)
	}
	return table.Flush()
}

func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

type letterShow struct {
	config.StoreFlags
	ID string `arg:"" help:"The id that list shows."`
}

// Run prints one letter. Its texts are quoted: they come from outside.
func (c *letterShow) Run(ctx context.Context) error {
	ids, err := letterIDs([]string{c.ID})
	if err != nil {
		return err
	}
	db, err := open(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	l, found, err := db.DeadLetter(ctx, ids[0])
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("there is no dead letter %s", c.ID)
	}
	fmt.Printf("id        %x\nset aside %s\nstate     %s\nreason    %s\ndetail    %q\nfeed      %s\nframe     %d bytes\n",
		l.ID, moment(l.AtMS), letterStates[l.State], l.Reason, l.Detail, l.Feed, len(l.Body))
	payload, _, err := click.Next(l.Body)
	if err != nil {
		fmt.Printf("bytes     %s\n", hex.EncodeToString(l.Body))
		return nil
	}
	k, err := click.Decode(payload)
	if err != nil {
		fmt.Printf("decoding  %v\n", err)
	}
	fmt.Printf("time      %s\naccount   %d\ncampaign  %d\ndomain    %d\nlink      %d\ntoken     %q\nagent     %q\nreferrer  %q\n",
		moment(k.ID.MS()), k.Account, k.Campaign, k.Domain, k.Link, k.Token, k.UserAgent, k.Referrer)
	return nil
}

func letterIDs(texts []string) ([][16]byte, error) {
	ids := make([][16]byte, len(texts))
	for i, text := range texts {
		id, err := click.ParseID(text)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}
