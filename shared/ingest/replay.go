package ingest

import (
	"context"

	"longtail/shared/queue"
	"longtail/shared/storage"
)

// Replay tries the clicks of dead letters again, in the order given and at the pool's pace. What is stored now, or was
// already, is no dead letter any more; what is refused again stays one. It returns how many clicks were stored and how
// many are still refused. It may be repeated.
func (g *Ingest) Replay(ctx context.Context, letters []storage.DeadLetter) (stored, refused int, err error) {
	var b storage.Batch
	for i := range letters {
		decode(&queue.Message{Feed: letters[i].Feed, Frames: letters[i].Body}, &b)
	}
	if err := g.judge.sort(ctx, &b); err != nil {
		return 0, 0, err
	}
	total := len(b.Clicks) + len(b.Dead)
	if err := g.keep(ctx, &b); err != nil {
		return 0, 0, err
	}
	return total - len(b.Dead), len(b.Dead), nil
}
