// Package stories tells what people live through with Longtail's built programs when nothing is broken on purpose but
// what a deployment does, and what must be true at the end. Faults are in package faults.
package stories

import (
	"os"
	"testing"

	"longtail/e2e/stage"
)

func TestMain(m *testing.M) { os.Exit(stage.Main(m)) }
