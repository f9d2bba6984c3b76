package stack_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"longtail/e2e/stack"
)

// words collects what a pattern's first group finds in the repository's files.
func words(t *testing.T, pattern string, globs ...string) []string {
	t.Helper()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, glob := range globs {
		files, err := filepath.Glob(filepath.Join(root, glob))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", glob, files, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
				found[m[1]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestEnvExampleListsEverySetting(t *testing.T) {
	listed := words(t, `(?m)^#?([A-Z_]+)=`, ".env.example")
	settings := words(t, `"(LONGTAIL_[A-Z_]*[A-Z])"`, "shared/config/*.go")
	variables := words(t, `\$\{([A-Z_]+)`, "docker-compose.yml")
	handedOn := words(t, `(?m)^  +(LONGTAIL_[A-Z_]+):`, "docker-compose.yml")
	if len(settings) < 20 || len(variables) < 20 || len(handedOn) < 20 {
		t.Fatalf("found %d settings, %d variables, %d handed on: the patterns no longer fit", len(settings), len(variables), len(handedOn))
	}
	for _, want := range slices.Concat(settings, variables, handedOn) {
		if !slices.Contains(listed, want) {
			t.Errorf("%s is not in .env.example", want)
		}
	}
	for _, want := range settings {
		if !slices.Contains(handedOn, want) {
			t.Errorf("docker-compose.yml does not hand on %s", want)
		}
	}
}

func TestHAProxyConfigurationOfComposeIsValid(t *testing.T) {
	if err := stack.Install(); err != nil {
		t.Fatal(err)
	}
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "haproxy", "-c", "-f", filepath.Join(root, "deploy/haproxy/haproxy.cfg"))
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin", "PUBLIC_BIND=:8080", "API_BIND=:8081", "REDIRECTORS=redirector")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
