package storagetest

import (
	"database/sql/driver"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"

	"longtail/shared/storage"
)

var contentionTests = []conformance{{"M1EightWorkersOnTheSameLinks", eightWorkers}}

func eightWorkers(t *testing.T, fresh Fresh) {
	Contend(t, fresh, Contention{Events: eventsOfM1, Links: 1000, Workers: 8, Batch: 500, Seed: 1})
}

// A Contention is a long tail of clicks, each delivered twice, that workers store at once.
type Contention struct {
	Events, Links, Workers, Batch int
	Seed                          uint64
	// Unsorted lets each statement of many rows write them in an order of chance, and so lock them: a control that shows
	// what the order of locks is good for.
	Unsorted bool
	// Apart begins the second delivery when the first is over. Otherwise both are under way at the same time.
	Apart bool
}

// A Contended is what came of it. Rows and counters were compared already.
type Contended struct {
	Transactions int // that were asked for
	Inserted     int
	Duplicate    int
	Deadlocks    int // statements that the database ended so, or that waited too long for a lock: begun again
	GivenUp      int // transactions that ended with an error all the same
}

// DeadlockShare is how many of 100 transactions were begun again for a lock.
func (c Contended) DeadlockShare() float64 {
	return 100 * float64(c.Deadlocks) / float64(c.Transactions)
}

// together is how many batches of the first delivery are shuffled for the second, and handed out with it.
const together = 16

// Contend stores it all in a new database and fails t when a click is not one row, or a counter differs. A batch that is
// given up is tried again until it is stored.
func Contend(t *testing.T, fresh Fresh, c Contention) Contended {
	t.Helper()
	w := newWorld(t, fresh)
	var deadlocks atomic.Int64
	f := &faults{failed: func(err error) {
		if e, ok := errors.AsType[*mysql.MySQLError](err); ok && (e.Number == 1213 || e.Number == 1205) {
			deadlocks.Add(1)
		}
	}}
	if c.Unsorted {
		f.reorder = shuffleRows
	}
	batches := make(chan []storage.ClickRow, c.Workers)
	var sum struct{ transactions, inserted, duplicate, given atomic.Int64 }
	var workers sync.WaitGroup
	for range c.Workers {
		db := w.store(f)
		workers.Go(func() {
			for some := range batches {
				sum.transactions.Add(1)
				for t.Context().Err() == nil {
					out, err := db.Ingest(t.Context(), storage.Batch{Clicks: some})
					if err == nil {
						sum.inserted.Add(int64(out.Inserted))
						sum.duplicate.Add(int64(out.Duplicate))
						break
					}
					if sum.given.Add(1) == 1 && !c.Unsorted {
						t.Logf("given up: %v", err)
					}
				}
			}
		})
	}
	c.deliver(w, batches)
	close(batches)
	workers.Wait()
	found := Contended{
		Transactions: int(sum.transactions.Load()), Inserted: int(sum.inserted.Load()), Duplicate: int(sum.duplicate.Load()),
		Deadlocks: int(deadlocks.Load()), GivenUp: int(sum.given.Load()),
	}
	t.Logf("%+v: %+v", c, found)
	if found.Inserted != c.Events || found.Duplicate != c.Events || !c.Unsorted && found.GivenUp != 0 {
		t.Errorf("%+v; want %d inserted, as many duplicate, none given up", found, c.Events)
	}
	w.wantSums(int64(c.Events))
	return found
}

// deliver hands out every event twice, the second time in other batches that are under way beside those of the first.
func (c *Contention) deliver(w *world, batches chan<- []storage.ClickRow) {
	r := rand.New(rand.NewPCG(c.Seed, 2)) //nolint:gosec // a test's events
	zipf := rand.NewZipf(r, 1.1, 1, uint64(c.Links-1))
	chunk := together * c.Batch
	if c.Apart {
		chunk = c.Events
	}
	for done := 0; done < c.Events; {
		rows := make([]storage.ClickRow, min(c.Events-done, chunk))
		for i := range rows {
			rows[i] = w.at(int64(done+i)/10, 1, uint32(zipf.Uint64()), "r-"+strconv.Itoa(r.IntN(3000)))
		}
		done += len(rows)
		again := slices.Clone(rows)
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		first, second := slices.Collect(slices.Chunk(rows, c.Batch)), slices.Collect(slices.Chunk(again, c.Batch))
		for i := range first {
			batches <- first[i]
			if !c.Apart {
				batches <- second[i]
			}
		}
		if c.Apart {
			for _, some := range second {
				batches <- some
			}
		}
	}
}

// shuffleRows changes the order of the rows of an INSERT of many.
func shuffleRows(statement string, args []driver.NamedValue) []driver.NamedValue {
	rows := strings.Count(statement, "(?,")
	if !strings.HasPrefix(statement, "INSERT INTO ") || rows < 2 || len(args)%rows != 0 {
		return args
	}
	shuffled := make([]driver.NamedValue, 0, len(args))
	width := len(args) / rows
	for _, row := range rand.Perm(rows) { //nolint:gosec // a test's order
		for i := range width {
			v := args[row*width+i]
			v.Ordinal = len(shuffled) + 1
			shuffled = append(shuffled, v)
		}
	}
	return shuffled
}
