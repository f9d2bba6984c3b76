// Package bulk shows what an email platform relies on when it makes its links by the hundred thousand: every line is
// answered whatever order the client writes and reads in, the redirector's memory stays bounded, a repeat is safe, and it
// costs little more than the rows themselves.
package bulk

import (
	"os"
	"testing"

	"longtail/e2e/stage"
)

func TestMain(m *testing.M) { os.Exit(stage.Main(m)) }
