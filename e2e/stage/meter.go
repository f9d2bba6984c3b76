package stage

import (
	"testing"
	"time"

	"longtail/e2e/stack"
)

// Meter reads one of the programs' own metrics, added up over the programs and over the values of all labels but the
// given ones, such as role="consume".
func Meter(t *testing.T, programs []*stack.Program, name string, labels ...string) int {
	t.Helper()
	sum := 0.0
	for _, p := range programs {
		n, err := p.Metric(Within(t, 5*time.Second), name, labels...)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return int(sum)
}
