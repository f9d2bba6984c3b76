package main

import (
	"os"
	"path/filepath"
	"strings"

	"longtail/e2e/stack"
)

// envPath is what scripts source. It is there as long as the cluster is ready.
var envPath = filepath.Join(folder, "env")

// writeEnv writes the names that scripts find the cluster by, for sh.
func writeEnv(c *stack.Cluster) error {
	var text strings.Builder
	for _, v := range c.Variables() {
		text.WriteString("export " + v[0] + "=" + quoted(v[1]) + "\n")
	}
	return replace(envPath, text.String(), 0o600)
}

// quoted is s as one word of sh.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// replace writes a file so that a reader finds the old or the new text, never a part.
func replace(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), mode); err != nil {
		return err
	}
	return os.Rename(next, path)
}
