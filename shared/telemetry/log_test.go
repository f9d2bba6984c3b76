package telemetry

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChangedLogsOncePerChange(t *testing.T) {
	var out strings.Builder
	c := Changed{Log: slog.New(slog.NewTextHandler(&out, nil)), What: "database is unreachable"}
	refused, timeout := errors.New("refused"), errors.New("timeout")
	for _, err := range []error{nil, refused, refused, errors.New("refused"), timeout, refused, nil, nil, refused} {
		c.Note(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, said, _ := strings.Cut(strings.TrimSpace(line), " ")
		got = append(got, said)
	}
	want := []string{
		`level=WARN msg="database is unreachable" error=refused`,
		`level=WARN msg="database is unreachable" error=timeout`,
		`level=WARN msg="database is unreachable" error=refused`,
		`level=INFO msg="database is unreachable: over"`,
		`level=WARN msg="database is unreachable" error=refused`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A file is no terminal: without a word about the format, programs read it.
func TestNewLog(t *testing.T) {
	for format, want := range map[string]string{"": `"msg":"hello"`, "json": `"msg":"hello"`, "text": "msg=hello"} {
		path := filepath.Join(t.TempDir(), "log")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		NewLog(f, format).Info("hello")
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%q: %s (%v), want %s", format, text, err, want)
		}
	}
}
