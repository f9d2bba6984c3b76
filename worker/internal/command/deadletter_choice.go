package command

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/config"
	"longtail/shared/ingest"
	"longtail/shared/link"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
)

// letterChoice names letters one by one or by their reason.
type letterChoice struct {
	config.StoreFlags
	IDs    []string `arg:"" optional:"" name:"id" help:"The ids that list shows."`
	Reason string   `help:"All that are held for this reason."`
}

// each calls do with the chosen ids, some hundred at a time.
func (c *letterChoice) each(ctx context.Context, db *storage.DB, do func(ids [][16]byte) error) error {
	if c.Reason == "" {
		ids, err := c.named(ctx, db)
		if err != nil {
			return err
		}
		return do(ids)
	}
	return db.HeldLetters(ctx, c.Reason, do)
}

// Validate refuses a choice of nothing or of two kinds; kong calls it before anything is opened.
func (c *letterChoice) Validate() error {
	switch {
	case len(c.IDs) > 0 && c.Reason != "":
		return errors.New("name ids or --reason, not both")
	case len(c.IDs) == 0 && c.Reason == "":
		return errors.New("name the ids that deadletter list shows, or --reason")
	}
	return nil
}

// named are the ids that were given, each of a letter that is held: a mistyped one changes nothing.
func (c *letterChoice) named(ctx context.Context, db *storage.DB) ([][16]byte, error) {
	ids, err := letterIDs(c.IDs)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		letter, found, err := db.DeadLetter(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case !found:
			return nil, fmt.Errorf("there is no dead letter %s", c.IDs[i])
		case letter.State != storage.LetterHeld:
			return nil, fmt.Errorf("dead letter %s was %s already", c.IDs[i], letterStates[letter.State])
		}
	}
	return ids, nil
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
	if err == nil || stored+refused > 0 {
		fmt.Printf("stored %d, refused again %d\n", stored, refused)
	}
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
	if err == nil || dropped > 0 {
		fmt.Printf("dropped %d\n", dropped)
	}
	return err
}
