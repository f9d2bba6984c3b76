//go:build race

package resolve

// scale divides the sizes of the largest tests: the race detector makes them ten times as slow.
const scale = 20
