package feed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"longtail/shared/queue/spool"
	"longtail/shared/storage"
)

// An adopted feed is one that another process began and did not sign off: this one now holds the lock of its folder.
type adopted struct {
	*spool.Feed
	ours  bool // the database knows us as its owner, and delivery has begun
	known bool // it has a row; one without was never registered
}

// find takes over what lies in free slots.
func (k *Keeper) find(ctx context.Context) error {
	feeds, err := k.spool.Adopt(ctx)
	for _, f := range feeds {
		k.log.Info("adopting a feed that was left behind", "feed", f.ID().String())
		k.adopted = append(k.adopted, &adopted{Feed: f})
	}
	if err != nil {
		return fmt.Errorf("look for feeds that were left behind: %w", err)
	}
	return nil
}

// serveAdopted brings each adopted feed one step further and drops those that are signed off.
func (k *Keeper) serveAdopted(ctx context.Context) error {
	var errs []error
	left := k.adopted[:0]
	for _, f := range k.adopted {
		done, err := k.serve(ctx, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("adopted feed %s: %w", f.ID(), err))
		}
		if !done {
			left = append(left, f)
		}
	}
	k.adopted = left
	return errors.Join(errs...)
}

// serve takes over, counts, and at the end signs off.
func (k *Keeper) serve(ctx context.Context, f *adopted) (done bool, err error) {
	if !f.ours {
		if err := k.takeOver(ctx, f); err != nil {
			return false, err
		}
	}
	if !f.known {
		if err := k.tellGap(ctx, f.Feed); err != nil {
			return false, err
		}
		f.Counted(f.End())
		return k.signOffUnknown(f), nil
	}
	if err := k.tell(ctx, f.Feed); err != nil {
		// Another adopter has it now: the lock says otherwise, so this is a feed that an operator moved by hand.
		return errors.Is(err, storage.ErrFeedLost), err
	}
	if !f.Idle() {
		return false, nil
	}
	if err := k.signOff(ctx, f.Feed); err != nil {
		return false, err
	}
	k.log.Info("an adopted feed is handed over whole", "feed", f.ID().String())
	return true, nil
}

// takeOver makes us the owner in the database, which waits for a tick of the last owner that still runs, and only then
// counts from where that one had counted.
func (k *Keeper) takeOver(ctx context.Context, f *adopted) error {
	was, err := k.store.AdoptFeed(ctx, f.ID(), k.owner)
	if err != nil {
		return err
	}
	f.known = was.Known
	if err := f.Recount(was.Answered, was.Counted, max(was.End, was.Counted)); err != nil {
		return fmt.Errorf("count its clicks: %w", err)
	}
	f.Deliver()
	f.ours = true
	return nil
}

func (k *Keeper) signOffUnknown(f *adopted) bool {
	if !f.Idle() {
		return false
	}
	f.SignedOff()
	return true
}

func (k *Keeper) signOff(ctx context.Context, f *spool.Feed) error {
	if err := k.store.SignOffFeed(ctx, f.ID(), k.owner, f.End()); err != nil {
		return fmt.Errorf("sign off: %w", err)
	}
	f.SignedOff()
	return nil
}

// SignOff seals the live feed, waits until all in hand is handed over and counted, and signs off. It is called after Run
// has returned and while the spool is still being read. When ctx ends first, what is left stays on the disk for whoever
// opens the folder next.
func (k *Keeper) SignOff(ctx context.Context) error {
	live := k.spool.Live()
	live.Seal()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		err := k.limited(ctx, func(ctx context.Context) error {
			if !k.Registered() {
				if err := k.register(ctx); err != nil {
					return err
				}
			}
			return errors.Join(k.tell(ctx, live), k.serveAdopted(ctx))
		})
		if err == nil && live.Idle() && len(k.adopted) == 0 {
			return k.limited(ctx, func(ctx context.Context) error { return k.signOff(ctx, live) })
		}
		if !wait(ctx, pause) {
			return fmt.Errorf("%d clicks stay in the spool: %w", live.Counts().Clicks, errors.Join(context.Cause(ctx), err))
		}
	}
}

// Drain adopts what was left behind, waits until all of it is handed over, counted and signed off, and signs off itself.
// It returns how many feeds it adopted. It is called instead of Run.
func (k *Keeper) Drain(ctx context.Context) (int, error) {
	if err := k.limited(ctx, k.register); err != nil {
		return 0, err
	}
	if err := k.limited(ctx, k.find); err != nil {
		return 0, err
	}
	n := len(k.adopted)
	return n, k.SignOff(ctx)
}
