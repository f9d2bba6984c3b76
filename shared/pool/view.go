package pool

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"longtail/shared/storage"
)

// Ledger is what the view reads.
type Ledger interface {
	FeedBalance(ctx context.Context, campaign uint64) (storage.FeedBalance, error)
	Instances(ctx context.Context) ([]storage.Instance, error)
	Workers(ctx context.Context, alive time.Duration) ([]storage.WorkerState, error)
	CountDeadLetters(ctx context.Context) (int64, error)
	UnrecordedClicks(ctx context.Context) (int64, error)
	NowMS(ctx context.Context) (int64, error)
}

// A Pipeline is the whole way of the clicks at one moment: what arrives, what waits where, who works.
type Pipeline struct {
	ArrivalPerS float64       `json:"arrival_per_s"`
	InsertPerS  float64       `json:"insert_per_s"`
	InsertRate  int           `json:"insert_rate" doc:"Rows a second that the pool may insert; 0 = no limit."`
	Backlog     Backlog       `json:"backlog"`
	Oldest      Oldest        `json:"oldest" doc:"How long ago the oldest click of each keeper was answered, in seconds; null = it keeps none."`
	OldestS     float64       `json:"oldest_seconds" doc:"The greatest of oldest; 0 = none waits."`
	Workers     []Worker      `json:"workers"`
	DeadLetters int64         `json:"dead_letters"`
	Unrecorded  int64         `json:"unrecorded"`
	HoldingBack []HoldingBack `json:"holding_back"`
	Advice      []Advice      `json:"advice"`
}

// Backlog is the clicks that wait, by keeper.
type Backlog struct {
	Spool  int64 `json:"spool"`
	Broker int64 `json:"broker"`
	Held   int64 `json:"held" doc:"In the hands of workers."`
}

// Worker is one worker as it last told.
type Worker struct {
	ID           string  `json:"id"`
	Name         string  `json:"name"`
	Share        int     `json:"share"`
	PrefetchUsed int     `json:"prefetch_used"`
	InsertPerS   float64 `json:"insert_per_s"`
	Seen         string  `json:"seen"`
}

// HoldingBack is a redirector that vanished with clicks on its disk: complete_through waits for it.
type HoldingBack struct {
	Instance string `json:"instance"`
	Feed     string `json:"feed"`
	Since    string `json:"since"`
	Waiting  int64  `json:"waiting"`
}

// Advice is what an operator might do, by code for programs and as text for people.
type Advice struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// sampleLife is how long an earlier look is good for a rate; without one the view looks twice, sampleGap apart.
const (
	sampleLife = 30 * time.Second
	sampleGap  = time.Second
)

// A Viewer makes views. It remembers the last look, to tell how many clicks a second arrive.
type Viewer struct {
	ledger Ledger
	mu     sync.Mutex
	last   sample
}

type sample struct {
	at       time.Time
	answered int64
}

// NewView returns a viewer over the database.
func NewView(l Ledger) *Viewer { return &Viewer{ledger: l} }

// View looks at the pipeline now. It may take a second longer when nobody looked in the last half minute.
func (v *Viewer) View(ctx context.Context) (*Pipeline, error) {
	b, err := v.ledger.FeedBalance(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("read the balance: %w", err)
	}
	base, fresh := v.base(b.Answered)
	if !fresh {
		select {
		case <-time.After(sampleGap):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if b, err = v.ledger.FeedBalance(ctx, 0); err != nil {
			return nil, fmt.Errorf("read the balance: %w", err)
		}
	}
	p := &Pipeline{Workers: []Worker{}, HoldingBack: []HoldingBack{}, Advice: []Advice{}}
	if s := time.Since(base.at).Seconds(); s > 0 {
		p.ArrivalPerS = tenth(float64(b.Answered-base.answered) / s)
	}
	if err := v.fill(ctx, p, b); err != nil {
		return nil, err
	}
	p.advise()
	return p, nil
}

// base returns the look to compare with, and whether it was taken long enough ago; it keeps the present one.
func (v *Viewer) base(answered int64) (base sample, fresh bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	age := time.Since(v.last.at)
	if age >= sampleGap && age <= sampleLife {
		base = v.last
		v.last = sample{time.Now(), answered}
		return base, true
	}
	v.last = sample{time.Now(), answered}
	return v.last, false
}

func (v *Viewer) fill(ctx context.Context, p *Pipeline, b storage.FeedBalance) error {
	now, err := v.ledger.NowMS(ctx)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	instances, err := v.ledger.Instances(ctx)
	if err != nil {
		return fmt.Errorf("read instances: %w", err)
	}
	var spooled, held int64 // times of the oldest
	for _, i := range instances {
		if i.State == storage.FeedLive {
			p.Backlog.Spool += i.Waiting
			spooled = earlier(spooled, i.OldestMS)
		}
		if i.Silent {
			p.HoldingBack = append(p.HoldingBack, HoldingBack{i.Instance, i.Feed.String(), moment(i.SeenMS), i.Waiting})
		}
	}
	workers, err := v.ledger.Workers(ctx, Alive)
	if err != nil {
		return fmt.Errorf("read workers: %w", err)
	}
	for _, w := range workers {
		p.Workers = append(p.Workers, Worker{hex.EncodeToString(w.ID[:]), w.Name, w.Share, w.PrefetchUsed, w.InsertPerS, moment(w.SeenMS)})
		p.InsertPerS += w.InsertPerS
		p.InsertRate = w.PoolRate
		p.Backlog.Held += int64(w.Held)
		if w.FromSpool {
			p.Backlog.Spool = max(0, p.Backlog.Spool-int64(w.Held)) // nobody keeps a click that is in hand
		}
		held = earlier(held, w.OldestMS)
	}
	p.InsertPerS = tenth(p.InsertPerS)
	p.Backlog.Broker = max(0, b.Waiting-p.Backlog.Spool-p.Backlog.Held)
	p.age(now, spooled, b.SentMS, held)
	if p.DeadLetters, err = v.ledger.CountDeadLetters(ctx); err != nil {
		return fmt.Errorf("count dead letters: %w", err)
	}
	if p.Unrecorded, err = v.ledger.UnrecordedClicks(ctx); err != nil {
		return fmt.Errorf("count unrecorded clicks: %w", err)
	}
	return nil
}

func (p *Pipeline) advise() {
	add := func(code, format string, args ...any) {
		p.Advice = append(p.Advice, Advice{code, fmt.Sprintf(format, args...)})
	}
	waiting := p.Backlog.Spool + p.Backlog.Broker + p.Backlog.Held
	switch {
	case waiting > 0 && len(p.Workers) == 0 && p.Backlog.Broker > 0:
		add("no_workers", "%d clicks wait and no worker lives: start one", waiting)
	case p.InsertRate > 0 && waiting > int64(p.InsertRate)*60 && p.ArrivalPerS > float64(p.InsertRate):
		add("rate_below_arrivals", "clicks arrive faster than the insert rate of %d a second: the backlog grows", p.InsertRate)
	}
	if len(p.HoldingBack) > 0 {
		add("holding_back", "%d redirector(s) vanished with clicks on their disks: start one on the same volume, run redirector spool drain, or redirector instances forget", len(p.HoldingBack))
	}
	if p.DeadLetters > 0 {
		add("dead_letters", "%d clicks are set aside: worker deadletter list shows why", p.DeadLetters)
	}
	if p.Unrecorded > 0 {
		add("unrecorded", "%d clicks were answered while a spool was full: their gaps are named in the figures", p.Unrecorded)
	}
}

func tenth(f float64) float64 { return float64(int64(f*10+0.5)) / 10 }

func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
