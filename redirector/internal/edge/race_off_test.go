//go:build !race

package edge

const raceDetector = false // which allocates by itself
