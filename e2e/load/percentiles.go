package load

import (
	"math"
	"slices"
	"time"
)

// Percentiles of a set of times.
type Percentiles struct{ P50, P90, P99, P999, Max time.Duration }

// Latencies measures, by Answer.Latency or Answer.Service, the clicks that were answered as they should be.
func Latencies(answers []Answer, by func(Answer) time.Duration) Percentiles {
	var all []time.Duration
	for _, a := range answers {
		if a.Fate == Answered {
			all = append(all, by(a))
		}
	}
	if len(all) == 0 {
		return Percentiles{}
	}
	slices.Sort(all)
	// The least time that the part p of all did not exceed.
	at := func(p float64) time.Duration { return all[int(math.Ceil(p*float64(len(all))))-1] }
	return Percentiles{at(0.5), at(0.9), at(0.99), at(0.999), all[len(all)-1]}
}
