package command

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"longtail/shared/config"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

type instancesCommand struct {
	List   instancesList   `cmd:"" default:"withargs" help:"Show them, and which hold complete_through back."`
	Forget instancesForget `cmd:"" help:"Write off a redirector whose disk is gone: complete_through goes on, and a gap says so."`
}

type instancesList struct{ config.StoreFlags }

var feedStates = map[storage.FeedState]string{storage.FeedLive: "live", storage.FeedSignedOff: "signed off", storage.FeedForgotten: "forgotten"}

// Run prints one line a feed.
func (c *instancesList) Run(ctx context.Context) error {
	db, err := store(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	instances, err := db.Instances(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "INSTANCE\tFEED\tSTATE\tSEEN\tWAITING\tHOLDS BACK")
	for _, i := range instances {
		seen := time.Since(time.UnixMilli(i.SeenMS)).Round(time.Second)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s ago\t%d\t%t\n", i.Instance, i.Feed, feedStates[i.State], seen, i.Waiting, i.Silent || i.State == storage.FeedSignedOff && i.Holds)
	}
	return table.Flush()
}

type instancesForget struct {
	config.StoreFlags
	ID string `arg:"" help:"The feed, or the instance all of whose feeds are meant, as list shows them."`
}

// Run forgets. What the lost disk held is named as a gap that stays open until the disk is seen again.
func (c *instancesForget) Run(ctx context.Context) error {
	db, err := store(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	feeds, err := chosenFeeds(ctx, db, c.ID)
	if err != nil {
		return err
	}
	for _, feed := range feeds {
		if err := db.ForgetFeed(ctx, feed); err != nil {
			return err
		}
		fmt.Printf("forgot feed %s\n", feed)
	}
	return nil
}

func chosenFeeds(ctx context.Context, db *storage.DB, id string) ([]queue.FeedID, error) {
	if feed, err := queue.ParseFeedID(id); err == nil {
		return []queue.FeedID{feed}, nil
	}
	instances, err := db.Instances(ctx)
	if err != nil {
		return nil, err
	}
	var feeds []queue.FeedID
	for _, i := range instances {
		if i.Instance == id && i.State == storage.FeedLive {
			feeds = append(feeds, i.Feed)
		}
	}
	if len(feeds) == 0 {
		return nil, fmt.Errorf("no live feed or instance is named %q; instances list shows them", id)
	}
	return feeds, nil
}
