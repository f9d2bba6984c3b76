// Package ingest makes clicks durable: it gathers whole messages into a batch, judges each click, and hands the batch
// to the store as one transaction, at the pace that the operator chose.
//
// Place on the click's way: behind RabbitMQ's consumer in the cluster, behind the spool itself in the embedded mode.
// It calls Done(nil) for a message only when every click of it is a row or a dead letter, and committed.
package ingest

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/link"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

// Store is where a batch becomes durable. Ingest is atomic and idempotent: a click that is there already is counted as
// a duplicate and changes nothing. An error wraps storage.ErrPoison when the clicks themselves are why it failed;
// any other error may be tried again.
type Store interface {
	Ingest(ctx context.Context, b storage.Batch) (storage.Outcome, error)
	LinkFacts(ctx context.Context, ids []uint64) (map[uint64]storage.LinkFact, error)
	RetentionFloor(ctx context.Context) (day int32, err error)
	// AnonymizeErased empties what names a recipient who was erased after the click; called right before each Ingest.
	AnonymizeErased(ctx context.Context, b storage.Batch) error
}

// Pace says how many rows may be inserted now. Grant waits until at least one may, and returns at most want.
type Pace interface {
	Grant(ctx context.Context, want int) (int, error)
}

// Lane takes a message that was delivered too often to be tried in company. It returns nil when every click of the
// message is stored or set aside; its errors are retried.
type Lane interface {
	Quarantine(ctx context.Context, d *queue.Delivery) error
}

// QuarantineFrom is the attempt from which a message goes to the Lane.
const QuarantineFrom = 3

// Options configure an Ingest. Store, Keys, Log and Registerer are required.
type Options struct {
	Store Store
	// Keys returns the keys under which a campaign's tokens are valid, the signing one first.
	Keys func(account uint32, campaign string) []link.CampaignKey
	Pace Pace // nil = no limit
	Lane Lane // nil = a message is always tried in company
	// A batch is committed when it has BatchSize clicks, when its first message is BatchAge old, or when Window messages
	// are in hand and the source can deliver no more.
	BatchSize int
	BatchAge  time.Duration
	Window    func() int
	// HandBack is how long a batch is held while the store is unreachable before its messages go back to the source:
	// well below the broker's acknowledgement timeout of 30 minutes.
	HandBack   time.Duration
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// An Ingest serves any number of sources at once.
type Ingest struct {
	o       Options
	log     *slog.Logger
	judge   *judge
	metrics metrics
	inHand  hand
	size    atomic.Int64 // of a batch, in clicks
	age     atomic.Int64 // of a batch, in ns
}

// SetBatch changes how large and how old a batch may be, for those that are begun already, too.
func (g *Ingest) SetBatch(size int, age time.Duration) {
	g.size.Store(int64(size))
	g.age.Store(int64(age))
}

// New returns an Ingest; it starts nothing.
func New(o Options) *Ingest {
	if o.Pace == nil {
		o.Pace = unlimited{}
	}
	if o.HandBack == 0 {
		o.HandBack = 10 * time.Minute
	}
	g := &Ingest{
		o:       o,
		log:     o.Log.With("component", "ingest"),
		judge:   newJudge(o.Store, o.Keys),
		metrics: newMetrics(o.Registerer),
		inHand:  hand{oldest: map[*batch]int64{}},
	}
	g.SetBatch(o.BatchSize, o.BatchAge)
	return g
}

type unlimited struct{}

func (unlimited) Grant(_ context.Context, want int) (int, error) { return want, nil }

type metrics struct {
	consumed, inserted, duplicate, dead, retries prometheus.Counter
	batch                                        prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	m := metrics{
		consumed:  counter("longtail_clicks_consumed_total", "Clicks taken from the queue."),
		inserted:  counter("longtail_clicks_inserted_total", "Clicks stored as rows."),
		duplicate: counter("longtail_clicks_duplicate_total", "Clicks that were stored already."),
		dead:      counter("longtail_clicks_dead_total", "Clicks set aside as dead letters."),
		retries:   counter("longtail_ingest_retries_total", "Transactions that were rolled back and run again."),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "longtail_ingest_seconds", Help: "Time of one ingest transaction.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
	}
	r.MustRegister(m.batch)
	return m
}
