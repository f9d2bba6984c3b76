package faults

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/e2e/wire"
)

// cutter cuts the connections of transactions that store clicks, at the moments of a plan, one after the other.
type cutter struct {
	mu   sync.Mutex
	plan []wire.Moment
	cut  map[wire.Moment]int
}

// choose lets every second transaction through, so that one that was cut is stored in the end.
func (c *cutter) choose() wire.Moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.plan) == 0 {
		return wire.Never
	}
	next := c.plan[0]
	c.plan = c.plan[1:]
	c.cut[next]++
	return next
}

func (c *cutter) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.plan)
}

// The connection to the database is cut around COMMIT: before the database hears of it, right after, and when it has
// answered. The worker cannot know which it was; the rows and every counter are exact all the same.
func TestM3CutBetweenCommitAndOK(t *testing.T) {
	t.Parallel() // it has a cluster of its own
	f := stage.NewFault(t, "M3")
	cuts := &cutter{cut: map[wire.Moment]int{}}
	moments := []wire.Moment{wire.BeforeCommit, wire.AfterCommit, wire.BeforeOK}
	for range stage.Full(1000, 60) {
		cuts.plan = append(cuts.plan, moments[f.Random.IntN(len(moments))])
		if f.Random.IntN(3) == 0 {
			cuts.plan = append(cuts.plan, wire.Never)
		}
	}
	f.Planned(cuts.plan)
	var proxy *wire.Proxy
	c := stage.Own(t, stack.Options{
		Redirectors: 1, Workers: 2,
		Settings: map[string]string{"LONGTAIL_BATCH_SIZE": "10", "LONGTAIL_BATCH_AGE": "50ms", "LONGTAIL_CONSUMERS": "2"},
		Route: func(c *stack.Cluster) (routes map[string]string, err error) {
			if proxy, err = wire.Listen(fmt.Sprintf("127.0.0.1:%d", c.MySQL.Port)); err != nil {
				return nil, err
			}
			t.Cleanup(func() { _ = proxy.Close() }) // after the cluster, which needs it to stop
			dsn := strings.Replace(c.MySQL.DSN(), fmt.Sprint(c.MySQL.Port), fmt.Sprint(proxy.Port()), 1)
			return map[string]string{"LONGTAIL_MYSQL_DSN": dsn}, nil
		},
	})
	s := stage.On(t, c)
	proxy.Watch(wire.AtCommit("INSERT INTO clicks", cuts.choose))
	before := proxy.Cut() // from now on every connection is watched
	found := s.Strike(t, stage.People{AtLeast: stage.Full(10_000, 500), PerSecond: 400}, func() {
		stage.Until(t, 10*time.Minute, func() string { return fmt.Sprintf("all cuts; %d are left", cuts.left()) },
			func() bool { return cuts.left() == 0 })
	})
	f.Judged(found)
	for _, m := range moments {
		f.StruckN("cut "+m.String(), cuts.cut[m])
		if cuts.cut[m] == 0 {
			t.Errorf("no connection was cut %v", m)
		}
	}
	if n := proxy.Cuts() - before; n != cuts.cut[wire.BeforeCommit]+cuts.cut[wire.AfterCommit]+cuts.cut[wire.BeforeOK] {
		t.Errorf("%d connections were cut; planned were %v", n, cuts.cut)
	}
	again := stage.Meter(t, s.Workers, "longtail_ingest_retries_total")
	there := stage.Meter(t, s.Workers, "longtail_clicks_duplicate_total")
	f.Note("transactions begun again %d; clicks of them that were found committed %d", again, there)
	if there == 0 || again == 0 {
		t.Errorf("%d transactions were begun again, %d clicks found committed; want some of both", again, there)
	}
	stage.AllAnswered(t, found)
}
