// Worker stores clicks at the pace that somebody chose: one of the cluster's two programs.
package main

import (
	"os"

	"longtail/worker/internal/command"
)

func main() { os.Exit(command.Worker()) }
