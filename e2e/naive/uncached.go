package naive

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// How an uncached server collects.
const (
	held     = 100000 // clicks in memory at most; a request waits when it is full
	together = 1000   // clicks of one insert at most
	// InsertEvery is the pause between inserts: eight a second, a rate that was chosen.
	InsertEvery = time.Second / 8
)

// Uncached opens a server that hands each click to the background and answers. What it holds when it is killed is lost.
func Uncached(ctx context.Context, dsn string, log *slog.Logger) (*Server, error) {
	s, err := open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	clicks := make(chan row, held)
	s.record = func(ctx context.Context, r row) error {
		select {
		case clicks <- r:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var background sync.WaitGroup
	background.Go(func() { s.collect(clicks, log) })
	s.finish = func() { close(clicks); background.Wait() }
	return s, nil
}

// collect inserts what has come, at the chosen pace, until clicks is closed and empty.
func (s *Server) collect(clicks <-chan row, log *slog.Logger) {
	pace := time.NewTicker(InsertEvery)
	defer pace.Stop()
	var batch []row
	flush := func() {
		if len(batch) == 0 {
			return
		}
		if err := s.insert(context.Background(), batch); err != nil {
			log.Error("clicks are lost", "clicks", len(batch), "error", err)
		}
		batch = batch[:0]
	}
	for {
		select {
		case <-pace.C:
			flush()
		case r, more := <-clicks:
			if !more {
				flush()
				return
			}
			if batch = append(batch, r); len(batch) == together {
				flush()
			}
		}
	}
}
