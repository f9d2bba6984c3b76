//go:build !race

package storagetest

// readsOfM2 is how often the concurrent reader must have looked, eventsOfM1 how many clicks eight workers store.
const (
	readsOfM2  = 10_000
	eventsOfM1 = 16_000
)
