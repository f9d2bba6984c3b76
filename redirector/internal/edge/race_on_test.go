//go:build race

package edge

const raceDetector = true // which allocates by itself
