package storagetest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"longtail/shared/storage"
)

var contentionTests = []conformance{{"M1EightWorkersOnTheSameLinks", eightWorkers}}

// eightWorkers stores a long tail of clicks from eight workers at once, and then everything once more in other batches.
func eightWorkers(t *testing.T, fresh Fresh) {
	const events, workers, batch = eventsOfM1, 8, 500
	w := newWorld(t, fresh)
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.1, 1, 999)
	rows := make([]storage.ClickRow, events)
	for i := range rows {
		rows[i] = w.at(int64(i), 1, uint32(zipf.Uint64()), "r-"+strconv.Itoa(r.IntN(3000)))
	}
	deliver := func() (inserted, duplicate, retries int64) {
		queue := make(chan []storage.ClickRow, events/batch)
		for some := range slices.Chunk(rows, batch) {
			queue <- some
		}
		close(queue)
		var in, dup, again atomic.Int64
		var wg sync.WaitGroup
		for range workers {
			db := w.store(nil)
			wg.Go(func() {
				for some := range queue {
					out, err := db.Ingest(t.Context(), storage.Batch{Clicks: some})
					if err != nil {
						t.Errorf("given up: %v", err)
					}
					in.Add(int64(out.Inserted))
					dup.Add(int64(out.Duplicate))
					again.Add(int64(out.Retries))
				}
			})
		}
		wg.Wait()
		return in.Load(), dup.Load(), again.Load()
	}
	inserted, duplicate, retries := deliver()
	if inserted != events || duplicate != 0 {
		t.Fatalf("%d inserted, %d duplicate", inserted, duplicate)
	}
	r.Shuffle(events, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	if inserted, duplicate, _ := deliver(); inserted != 0 || duplicate != events {
		t.Fatalf("second delivery: %d inserted, %d duplicate", inserted, duplicate)
	}
	t.Logf("%d workers, %d events twice: rows %d, transactions given up 0, begun again in the first delivery %d of %d",
		workers, events, events, retries, events/batch)
	w.wantSums(events)
}
