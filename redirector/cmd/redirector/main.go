// Redirector answers clicks and the API: one of the cluster's two programs.
package main

import (
	"os"

	"longtail/redirector/internal/command"
)

func main() { os.Exit(command.Redirector()) }
