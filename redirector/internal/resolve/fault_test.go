package resolve

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// seed of everything that is left to chance: FAULT_SEED, by default another one each time.
var seed = sync.OnceValue(func() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("FAULT_SEED"), 10, 64); err == nil {
		return n
	}
	return uint64(time.Now().UnixNano())
})

// full chooses between the size of a whole run of faults and what there is time for elsewhere.
func full[N cmp.Ordered](whole, part N) N {
	if os.Getenv("FAULT_SCALE") == "full" {
		return whole
	}
	return part
}

// row prints the row of an id in the form of package stage: what struck, how many answers were wrong, and what came of
// it. A test in which nothing struck has shown nothing.
func row(t *testing.T, id string, struck, wrong int, what string, args ...any) {
	t.Helper()
	t.Logf("row: %s seed=%d struck=%d lost=%d what=%q", id, seed(), struck, wrong, fmt.Sprintf(what, args...))
	if struck == 0 {
		t.Errorf("%s: nothing struck, nothing was shown", id)
	}
	if wrong != 0 {
		t.Errorf("%s: %d wrong answers", id, wrong)
	}
}
