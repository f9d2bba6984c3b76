// Package docs runs what the pages under docs/ tell people to type.
package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"longtail/e2e/stack"
)

const vector = "r-18273.d240fec7273c2d14b5dba4365108172e"

// goFrame is what stands around a few lines of Go.
const goFrame = `package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

func main() {
`

// languages tells how the code of each is run.
var languages = []struct {
	name, binary, file string
	args               []string
	before, after      string
}{
	{"go", "go", "main.go", []string{"run"}, goFrame, "}\n"},
	{"python", "python3", "token.py", nil, "", ""},
	{"php", "php", "token.php", nil, "<?php\n", ""},
	{"javascript", "node", "token.js", nil, "", ""},
	{"ruby", "ruby", "token.rb", nil, "", ""},
	{"sh", "sh", "token.sh", nil, "", ""},
}

// TestTokens runs the code of docs/tokens.md in every language; what is missing is installed.
func TestTokens(t *testing.T) {
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "tokens.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range languages {
		code := block(t, string(page), l.name)
		if n := strings.Count(code, "\n"); n > 5 {
			t.Errorf("%s needs %d lines; five are promised", l.name, n)
		}
		binary, err := stack.Tool(l.binary)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), l.file)
		if err := os.WriteFile(path, []byte(l.before+code+l.after), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), binary, append(l.args, path)...).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != vector {
			t.Errorf("%s: %s, %v; want %s", l.name, out, err, vector)
		}
		t.Logf("%-10s %s", l.name, strings.TrimSpace(string(out)))
	}
}

// block returns the page's code in a language.
func block(t *testing.T, page, language string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, "```"+language+"\n")
	code, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatalf("the page has no %s", language)
	}
	return code
}
