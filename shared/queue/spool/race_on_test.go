//go:build race

package spool

// raceDetector: its instrumentation allocates where the code does not.
const raceDetector = true
