package telemetry

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
)

// resident is this process's memory in bytes.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// Ballast that the runtime had wiped is no memory either.
func TestWipedBallastIsNoMemory(t *testing.T) {
	weight := bytes.Repeat([]byte{0}, ballast)
	before := resident(t)
	untouch(weight)
	if fell := before - resident(t); fell < ballast*9/10 {
		t.Errorf("%d of %d bytes are still memory", ballast-fell, ballast)
	}
	if bytes.IndexFunc(weight, func(r rune) bool { return r != 0 }) >= 0 {
		t.Error("what was given back does not read as zeros")
	}
}
