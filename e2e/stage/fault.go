package stage

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Environment of a run of faults; package e2e/cmd/faults sets it.
const (
	seedName  = "FAULT_SEED"  // a number; by default a new one for each run, printed in every row
	scaleName = "FAULT_SCALE" // "full", or a part that fits into make test
)

// Full chooses between the size of a whole run and that of the part which make test has time for.
func Full[N any](full, part N) N {
	if os.Getenv(scaleName) == "full" {
		return full
	}
	return part
}

// seed of this run, the same for all faults in it.
var seed = sync.OnceValue(func() uint64 {
	if n, err := strconv.ParseUint(os.Getenv(seedName), 10, 64); err == nil {
		return n
	}
	return rand.Uint64() % 1_000_000
})

// A Fault is a story whose row is in the table of faults: what struck, and what came of it.
type Fault struct {
	ID     string
	Random *rand.Rand // seeded by the run's seed and the id: use it for everything that is left to chance

	t     *testing.T
	plan  []string
	found *Found
	note  string

	mu     sync.Mutex
	struck map[string]int
}

// NewFault begins the row of an id. At the test's end it is printed, and the test fails when nothing was struck.
func NewFault(t *testing.T, id string) *Fault {
	t.Helper()
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	f := &Fault{ID: id, Random: rand.New(rand.NewPCG(seed(), h.Sum64())), t: t, struck: map[string]int{}} //nolint:gosec // a plan, no secret
	t.Cleanup(f.print)
	return f
}

// Struck counts a fault that really fell, by a name of a few words.
func (f *Fault) Struck(what string) { f.StruckN(what, 1) }

// StruckN counts n of them.
func (f *Fault) StruckN(what string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.struck[what] += n
}

// Planned remembers what the seed decided; the row shows a digest of all of it, so that two runs can be compared.
func (f *Fault) Planned(what ...any) { f.plan = append(f.plan, fmt.Sprint(what...)) }

// Judged takes over what was found.
func (f *Fault) Judged(found *Found) { f.found = found }

// Note is shown at the row's end.
func (f *Fault) Note(format string, args ...any) { f.note = fmt.Sprintf(format, args...) }

// A Blow falls on one of several victims, some time after the one before it is over, and leaves it away for a while.
type Blow struct {
	Victim      int
	After, Away time.Duration
}

// Blows plans n blows on as many victims: times between 0 and the given ones, drawn from the seed.
func (f *Fault) Blows(n, victims int, after, away time.Duration) []Blow {
	all := make([]Blow, n)
	for i := range all {
		all[i] = Blow{f.Random.IntN(victims), f.upTo(after), f.upTo(away)}
	}
	f.Planned(all)
	return all
}

func (f *Fault) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(f.Random.Int64N(int64(d))).Round(time.Millisecond)
}

// print writes the row, in the form that e2e/cmd/faults collects.
func (f *Fault) print() {
	f.mu.Lock()
	defer f.mu.Unlock()
	total := 0
	var what []string
	for name, n := range f.struck {
		total += n
		what = append(what, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(what)
	if f.note != "" {
		what = append(what, f.note)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.Join(f.plan, "\n")))
	row := fmt.Sprintf("row: %s seed=%d plan=%08x struck=%d", f.ID, seed(), h.Sum32(), total)
	if n := f.found; n != nil {
		row += fmt.Sprintf(" acked=%d rows=%d lost=%d dup=%d unexpected=%d recovered=%d cells=%d noanswer=%d others=%d",
			n.Answered, n.Rows, n.Lost, n.Duplicated, n.Unexpected, n.Recovered, n.Cells, n.Unanswered, answers(n.Others))
	}
	f.t.Logf("%s what=%q", row, strings.Join(what, "; "))
	if total == 0 {
		f.t.Errorf("%s: no fault struck, nothing was shown", f.ID)
	}
}

// answers adds up those of all statuses.
func answers(others map[uint16]int) (n int) {
	for _, k := range others {
		n += k
	}
	return n
}
