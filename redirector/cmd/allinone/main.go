// Allinone is Longtail in one process: the cluster's rooms on SQLite, with one hop taken out.
package main

import (
	"os"

	"longtail/redirector/internal/command"
)

func main() { os.Exit(command.AllInOne()) }
