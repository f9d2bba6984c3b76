package telemetry

import "runtime"

// ballast is as much address space as is added to the heap on paper. It is never touched, so it is no memory.
const ballast = 64 << 20

// Ballast lets the garbage collector rest until release is called. A program of ours keeps a few megabytes alive and
// makes a hundred a second under load: the collector, which begins when the heap has doubled, would run twenty times a
// second for nothing. With ballast it begins 64 MiB later.
func Ballast() (release func()) {
	weight := make([]byte, ballast)
	untouch(weight) // where something small had lain before, the runtime wiped all of it, and so made it memory
	return func() { runtime.KeepAlive(weight) }
}
