// Package faults kills, freezes and cuts everything around and inside Longtail while an oracle that is never killed
// counts. Each test is named by its id, prints one row of what struck and what came of it, and draws everything that is
// left to chance from FAULT_SEED. e2e/cmd/faults runs them all at full size and makes the table; without FAULT_SCALE=full
// they are the part that make test has time for.
package faults

import (
	"os"
	"testing"

	"longtail/e2e/stage"
)

func TestMain(m *testing.M) { os.Exit(stage.Main(m)) }
