package docs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"longtail/e2e/stack"
)

const quickKey = "a-key-for-the-quick-start-0123456789"

// TestQuickStart runs the code of docs/quickstart.md against an allinone, in every language but Go, whose client has tests
// of its own.
func TestQuickStart(t *testing.T) {
	if err := stack.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: map[string]string{"LONGTAIL_BOOTSTRAP_KEY": quickKey}})
		if err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "quickstart.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range languages {
		if l.name == "go" || l.name == "ruby" { // ruby is not on the page
			continue
		}
		code := block(t, string(page), l.name)
		binary, err := stack.Tool(l.binary)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), l.file)
		if err := os.WriteFile(path, []byte(l.before+code), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), binary, path)
		cmd.Env = append(os.Environ(), "LONGTAIL_API="+p.APIURL(), "LONGTAIL_KEY="+quickKey)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), p.URL()+"/") {
			t.Errorf("%s: %v: %s", l.name, err, out)
		}
		t.Logf("%-10s %.60s", l.name, out)
	}
}
