package command

import (
	"bytes"
	"strings"
	"testing"

	"longtail/shared/pool"
)

// Each keeper is printed with how old its oldest click is, where it has one.
func TestStatusTellsTheOldestOfEachKeeper(t *testing.T) {
	for want, p := range map[string]pool.Pipeline{
		"waiting       spool 0, broker 0, in hand 0\n": {},
		"waiting       spool 3 (oldest 1.5 s), broker 20 (oldest at most 70.0 s), in hand 0\n": {
			Backlog: pool.Backlog{Spool: 3, Broker: 20}, Oldest: pool.Oldest{Spool: new(1.5), Broker: new(70.0)},
		},
		"waiting       spool 0, broker 0, in hand 9 (oldest 0.0 s)\n": {Backlog: pool.Backlog{Held: 9}, Oldest: pool.Oldest{Held: new(0.0)}},
	} {
		var out bytes.Buffer
		if err := printStatus(&out, &p); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s%v; want %s", out.String(), err, want)
		}
	}
}
