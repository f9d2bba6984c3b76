package load

import (
	"testing"
	"time"
)

func TestPercentiles(t *testing.T) {
	var answers []Answer
	for i := range 1000 {
		answers = append(answers, Answer{Due: time.Second, Done: time.Second + time.Duration(1000-i)*time.Millisecond, Fate: Answered})
	}
	answers = append(answers, Answer{Done: time.Hour, Fate: Unknown}, Answer{Done: time.Hour, Fate: Other})
	ms := time.Millisecond
	if got, want := Latencies(answers, Answer.Latency), (Percentiles{500 * ms, 900 * ms, 990 * ms, 999 * ms, 1000 * ms}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Latencies(answers[:1], Answer.Latency); got.P50 != time.Second || got.Max != time.Second {
		t.Errorf("of one: %v", got)
	}
	if got := Latencies(nil, Answer.Latency); got != (Percentiles{}) {
		t.Errorf("of none: %v", got)
	}
}
