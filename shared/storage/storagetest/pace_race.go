//go:build race

package storagetest

// Under the race detector SQLite, which is Go code here, is some thirty times slower.
const (
	readsOfM2  = 200
	eventsOfM1 = 1_000
)
