package app

import (
	"testing"

	"longtail/shared/config"
)

// The clicks in hand are inserted long before the broker takes them back, whatever rate somebody chose.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		name                      string
		rate, prefetch, consumers int
		want                      int
	}{
		{"no limit", 0, 500, 1, 500},
		{"fast enough", 2000, 500, 1, 500},
		{"just fast enough", 834, 500, 1, 500},
		{"slow", 100, 500, 1, 60},
		{"slow, shared by consumers", 100, 500, 4, 15},
		{"very slow", 1, 500, 1, 2},
		{"very slow, many consumers", 1, 500, 64, 2},
		{"one message was set", 1, 1, 1, 1},
		{"the greatest of all", 10_000_000, 2000, 64, 2000},
	} {
		p := config.Pool{InsertRate: c.rate, Prefetch: c.prefetch, Consumers: c.consumers}
		got := windowOf(&p)
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		if got > 2 && c.rate > 0 && float64(got*c.consumers*500)/float64(c.rate) > maxHeld.Seconds() {
			t.Errorf("%s: %d messages take more than %v", c.name, got*c.consumers, maxHeld)
		}
	}
}
