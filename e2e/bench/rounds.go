package bench

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A sample is what one round of a contender brought, by the name of the quantity.
type sample map[string]float64

// A contender can be measured again and again.
type contender struct {
	name  string
	round func(context.Context) (sample, error)
}

// results are the samples of each contender, in the order of the rounds.
type results map[string][]sample

// series is one quantity over the rounds.
func (r results) series(q quantity) []float64 {
	var all []float64
	for _, s := range r[q.of] {
		all = append(all, s[q.name])
	}
	return all
}

// alternate lets the contenders take turns, every other round in the opposite order.
func alternate(ctx context.Context, o Options, contenders []contender) (results, error) {
	got := results{}
	for i := range o.Rounds {
		for _, c := range turn(contenders, i) {
			s, err := c.round(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			got[c.name] = append(got[c.name], s)
			fmt.Fprintf(o.Log, "round %d, load %s, %-12s %s\n", i+1, busyness(), c.name, s)
		}
	}
	return got, nil
}

func turn(contenders []contender, i int) []contender {
	order := slices.Clone(contenders)
	if i%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// String tells all quantities.
func (s sample) String() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		all = append(all, name+" "+figure(s[name]))
	}
	return strings.Join(all, ", ")
}
