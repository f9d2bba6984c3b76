package telemetry

import (
	"runtime"
	"testing"
)

var sink []byte

func TestBallastLetsTheCollectorRest(t *testing.T) {
	release := Ballast()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 256 << 10 { // 256 MiB of garbage: 50 collections without it
		sink = make([]byte, 1<<10)
	}
	runtime.ReadMemStats(&after)
	release()
	if n := after.NumGC - before.NumGC; n > 8 {
		t.Errorf("%d collections", n)
	}
}
