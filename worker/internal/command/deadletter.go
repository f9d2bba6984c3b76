package command

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/click"
	"longtail/shared/config"
	"longtail/shared/ingest"
	"longtail/shared/link"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
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

// letterChoice names letters one by one or by their reason.
type letterChoice struct {
	config.StoreFlags
	IDs    []string `arg:"" optional:"" name:"id" help:"The ids that list shows."`
	Reason string   `help:"All that are held for this reason."`
}

// each calls do with the chosen ids, some hundred at a time.
func (c *letterChoice) each(ctx context.Context, db *storage.DB, do func(ids [][16]byte) error) error {
	switch {
	case len(c.IDs) > 0 && c.Reason != "":
		return errors.New("name ids or --reason, not both")
	case len(c.IDs) == 0 && c.Reason == "":
		return errors.New("name the ids that deadletter list shows, or --reason")
	}
	if c.Reason == "" {
		ids, err := letterIDs(c.IDs)
		if err != nil {
			return err
		}
		return do(ids)
	}
	filter := storage.LetterFilter{Reason: c.Reason, Held: true, Limit: 500}
	for {
		letters, err := db.DeadLetters(ctx, filter)
		if err != nil || len(letters) == 0 {
			return err
		}
		ids := make([][16]byte, len(letters))
		for i := range letters {
			ids[i] = letters[i].ID
		}
		if err := do(ids); err != nil {
			return err
		}
		filter.After = letters[len(letters)-1].ID
	}
}

type letterReplay struct{ letterChoice }

// Run tries the chosen letters again.
func (c *letterReplay) Run(ctx context.Context) error {
	var p config.Problems
	secrets := config.ReadSecrets(&p)
	secrets.RequireSecret(&p)
	if err := p.Err(); err != nil {
		return err
	}
	db, err := open(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	g := ingest.New(ingest.Options{Store: db, Keys: link.Keyring(secrets.Secret, secrets.Previous), Log: telemetry.NewLog(os.Stderr, ""), Registerer: prometheus.NewRegistry()})
	stored, refused := 0, 0
	err = c.each(ctx, db, func(ids [][16]byte) error {
		letters, err := db.ReplayDeadLetters(ctx, ids)
		if err != nil {
			return err
		}
		s, r, err := g.Replay(ctx, letters)
		stored, refused = stored+s, refused+r
		return err
	})
	fmt.Printf("stored %d, refused again %d\n", stored, refused)
	return err
}

type letterDrop struct{ letterChoice }

// Run gives up the chosen letters.
func (c *letterDrop) Run(ctx context.Context) error {
	db, err := open(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	dropped := 0
	err = c.each(ctx, db, func(ids [][16]byte) error {
		n, err := db.DropDeadLetters(ctx, ids)
		dropped += n
		return err
	})
	fmt.Printf("dropped %d\n", dropped)
	return err
}
