package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/ingest"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// letters are the dead letters of the database, and how they are tried again.
type letters struct {
	*storage.DB
	again *ingest.Ingest
}

func (a *app) letters(db *storage.DB) letters {
	return letters{db, ingest.New(ingest.Options{
		Store: db, Keys: link.Keyring(a.o.Secrets.Secret, a.o.Secrets.Previous), Log: a.o.Log,
		Registerer: prometheus.NewRegistry(), // what is replayed was counted as dead by whoever set it aside
	})}
}

// Replay tries the held ones among ids again.
func (l letters) Replay(ctx context.Context, ids [][16]byte) (stored, refused int, err error) {
	held, err := l.ReplayDeadLetters(ctx, ids)
	if err != nil {
		return 0, 0, err
	}
	return l.again.Replay(ctx, held)
}
