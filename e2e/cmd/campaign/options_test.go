package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// parse reads a command line as main does.
func parse(t *testing.T, line string) (*runCommand, error) {
	t.Helper()
	var c commands
	k, err := kong.New(&c, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(strings.Fields(line))
	return &c.Run, err
}

func TestCommandLine(t *testing.T) {
	o, err := parse(t, "--clicks 100000 --hour 60s --seed 7 --mode naive")
	if err != nil || o.Clicks != 100000 || o.Hour != time.Minute || o.Seed != 7 || o.Links != 10 || o.Recipients != 20000 || o.Mode != "naive" {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := parse(t, "--load 1000000 --db sqlite:x"); err != nil || o.Load != 1_000_000 || o.Recipients != 0 || o.Campaigns != 8 || o.Days != 30 {
		t.Errorf("%+v, %v", o, err)
	}
	for line, want := range map[string]string{
		"--load 1 --days 1":                  "--days must be 2 to 34",
		"--load 1 --recipients=-1":           "--recipients must be above 0",
		"--clicks 0 --hour=-1s":              "--clicks must be above 0\n--hour must be above 0",
		"--addr http://a --api http://b":     "go together",
		"--api http://b --key k":             "--api needs --addr",
		"--mode other":                       "mode",
		"--curve /nowhere/at/all":            "nowhere",
		"serve-naive --db x --mode longtail": "mode",
	} {
		if _, err := parse(t, line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", line, err, want)
		}
	}
}

func TestReadEnv(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env")
	text := "export P='http://127.0.0.1:1'\nexport K='it'\\''s'\n# nothing\nX=plain\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readEnv(path)
	if want := map[string]string{"P": "http://127.0.0.1:1", "K": "it's", "X": "plain"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestTarget(t *testing.T) {
	for addr, want := range map[string][3]string{
		"http://localhost:8080":   {"localhost:8080", "localhost:8080", "/"},
		"http://go.example/a/b?c": {"go.example:80", "go.example", "/a/b?c"},
		"http://[::1]:9000/":      {"[::1]:9000", "[::1]:9000", "/"},
		"https://go.example":      {},
		"localhost:8080":          {},
		"http://":                 {},
	} {
		dial, host, path, err := target(addr)
		if got := [3]string{dial, host, path}; got != want || (err == nil) != (want != [3]string{}) {
			t.Errorf("%s: %q, %v, want %q", addr, got, err, want)
		}
	}
}

func TestShape(t *testing.T) {
	tail, hour, err := (&runCommand{Hour: time.Minute}).shape()
	if err != nil || hour != time.Minute || tail.Share(1) < 0.79 {
		t.Errorf("long tail: share %v, hour %v, %v", tail.Share(1), hour, err)
	}
	flat, hour, err := (&runCommand{Clicks: 600, Rate: 20, Demo: true}).shape()
	if err != nil || hour != 30*time.Second || flat.Peak() != 1 {
		t.Errorf("demo: hour %v, peak %v, %v", hour, flat.Peak(), err)
	}
}
