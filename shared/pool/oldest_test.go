package pool

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"longtail/shared/storage"
)

// ledger answers with what it holds, at the test's time.
type ledger struct {
	balance   storage.FeedBalance
	instances []storage.Instance
	workers   []storage.WorkerState
}

func (l *ledger) FeedBalance(context.Context, uint64) (storage.FeedBalance, error) {
	return l.balance, nil
}
func (l *ledger) Instances(context.Context) ([]storage.Instance, error) { return l.instances, nil }
func (l *ledger) Workers(context.Context, time.Duration) ([]storage.WorkerState, error) {
	return l.workers, nil
}
func (l *ledger) CountDeadLetters(context.Context) (int64, error) { return 0, nil }
func (l *ledger) UnrecordedClicks(context.Context) (int64, error) { return 0, nil }
func (l *ledger) NowMS(context.Context) (int64, error)            { return time.Now().UnixMilli(), nil }

func TestOldestOfEachKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Add(sampleGap).UnixMilli() // the first look takes as long
		live := func(waiting, ago int64) storage.Instance {
			return storage.Instance{State: storage.FeedLive, Waiting: waiting, OldestMS: now - ago}
		}
		none := storage.Instance{State: storage.FeedLive}
		for _, c := range []struct {
			name          string
			ledger        ledger
			oldest        string
			oldestSeconds float64
		}{
			{"nothing waits", ledger{instances: []storage.Instance{none}, workers: []storage.WorkerState{{}}}, `{"spool":null,"broker":null,"held":null}`, 0},
			{"the broker is away", ledger{balance: storage.FeedBalance{Waiting: 5}, instances: []storage.Instance{live(2, 1500), none, live(3, 4000)}},
				`{"spool":4,"broker":null,"held":null}`, 4},
			{"no worker lives", ledger{balance: storage.FeedBalance{Waiting: 5, SentMS: now - 8000}, instances: []storage.Instance{live(1, 100)}},
				`{"spool":0.1,"broker":8,"held":null}`, 8},
			{"all is in hand", ledger{balance: storage.FeedBalance{Waiting: 5, SentMS: now - 8000}, workers: []storage.WorkerState{{Held: 4, OldestMS: now - 300}, {}, {Held: 1, OldestMS: now - 7000}}},
				`{"spool":null,"broker":null,"held":7}`, 7},
			{"everywhere", ledger{balance: storage.FeedBalance{Waiting: 9, SentMS: now - 6000}, instances: []storage.Instance{live(3, 61_000)}, workers: []storage.WorkerState{{Held: 2, OldestMS: now - 5000}}},
				`{"spool":61,"broker":6,"held":5}`, 61},
			{"in hand and in the spool", ledger{balance: storage.FeedBalance{Waiting: 5, SentMS: now - 8000}, instances: []storage.Instance{live(5, 3000)}, workers: []storage.WorkerState{{Held: 3, FromSpool: true, OldestMS: now - 3000}}},
				`{"spool":3,"broker":null,"held":3}`, 3},
			{"a worker of an older version", ledger{balance: storage.FeedBalance{Waiting: 2, SentMS: now - 6000}, workers: []storage.WorkerState{{Held: 2}}},
				`{"spool":null,"broker":null,"held":null}`, 0},
			{"a redirector's clock is ahead", ledger{balance: storage.FeedBalance{Waiting: 1}, instances: []storage.Instance{live(1, -500)}},
				`{"spool":0,"broker":null,"held":null}`, 0},
		} {
			v := NewView(&c.ledger)
			v.last = sample{time.Now().Add(-sampleGap), 0}
			if c.name == "nothing waits" {
				v.last = sample{} // the only one that has to look twice
			}
			p, err := v.View(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(p.Oldest)
			if sum := p.Backlog.Spool + p.Backlog.Broker + p.Backlog.Held; sum != c.ledger.balance.Waiting {
				t.Errorf("%s: %+v, but %d clicks wait", c.name, p.Backlog, c.ledger.balance.Waiting)
			}
			if err != nil || string(got) != c.oldest || p.OldestS != c.oldestSeconds {
				t.Errorf("%s: %s and %v, %v; want %s and %v", c.name, got, p.OldestS, err, c.oldest, c.oldestSeconds)
			}
		}
	})
}
