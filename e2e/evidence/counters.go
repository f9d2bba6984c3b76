package evidence

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
	"time"
)

// Counters are a server's own, since its start or between two readings: statements by kind, and all Questions.
type Counters map[string]int64

// Names of the counters that are read, in the order in which to tell them.
var Names = []string{"Com_select", "Com_insert", "Com_update", "Com_delete", "Com_begin", "Com_commit", "Com_rollback", "Questions"}

const uptime = "Uptime"

// Counters reads the server's counters. SQLite has none: nil.
func (d *Database) Counters(ctx context.Context) (Counters, error) {
	if d.sqlite {
		return nil, nil
	}
	c := Counters{}
	err := d.query(ctx, `SHOW GLOBAL STATUS WHERE Variable_name IN ('`+strings.Join(append(slices.Clone(Names), uptime), `','`)+`')`,
		func(rows *sql.Rows) error {
			var name string
			var n int64
			err := rows.Scan(&name, &n)
			c[name] = n
			return err
		})
	return c, err
}

// Since is what happened between an earlier reading and this one; nil when one is missing or the server was started
// again in between.
func (c Counters) Since(earlier Counters) Counters {
	if c == nil || earlier == nil || c[uptime] < earlier[uptime] {
		return nil
	}
	diff := Counters{}
	for name, n := range c {
		diff[name] = n - earlier[name]
	}
	return diff
}

// A Sample is a reading at a time.
type Sample struct {
	At time.Duration // since the sampler's start
	Counters
}

// A Sampler reads the counters every second and at one chosen moment.
type Sampler struct {
	stop  context.CancelFunc
	done  sync.WaitGroup
	db    *Database
	start time.Time

	samples []Sample
	mark    Counters
}

// sampleLimit bounds one reading.
const sampleLimit = 5 * time.Second

// StartSampler begins reading now. mark is the moment, since now, whose reading Mark returns. An unreadable second is
// left out.
func (d *Database) StartSampler(ctx context.Context, mark time.Duration) *Sampler {
	ctx, stop := context.WithCancel(ctx)
	s := &Sampler{stop: stop, db: d, start: time.Now()}
	s.read(ctx)
	s.done.Go(func() {
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		at := time.NewTimer(mark)
		defer at.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-at.C:
				s.mark = s.read(ctx)
			case <-ticks.C:
				s.read(ctx)
			}
		}
	})
	return s
}

func (s *Sampler) read(ctx context.Context) Counters {
	ctx, cancel := context.WithTimeout(ctx, sampleLimit)
	defer cancel()
	at := time.Since(s.start)
	c, err := s.db.Counters(ctx)
	if err != nil || c == nil {
		return nil
	}
	s.samples = append(s.samples, Sample{at, c})
	return c
}

// Stop reads once more and ends. It returns all samples, and the differences from the first to the mark (nil when it was
// not reached) and to the last.
func (s *Sampler) Stop() (samples []Sample, toMark, whole Counters) {
	s.stop()
	s.done.Wait()
	s.read(context.Background())
	if n := len(s.samples); n > 0 {
		first := s.samples[0].Counters
		toMark, whole = s.mark.Since(first), s.samples[n-1].Since(first)
	}
	return s.samples, toMark, whole
}
