package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(lines ...string) *results {
	var r results
	for _, l := range lines {
		r.line(l)
	}
	return &r
}

func TestRows(t *testing.T) {
	r := read(
		`    fault.go:122: row: D1 seed=7 plan=73afdadb struck=8 acked=4005 rows=4005 lost=0 dup=0 what="worker-1 killed 4; a \"quoted\" word"`,
		`    crash_test.go:9: row: D12 seed=7 struck=10000 lost=0`,
	)
	if bad := r.broken([]string{"D1", "D12"}); len(bad) != 0 {
		t.Errorf("broken: %q; want nothing", bad)
	}
	var out strings.Builder
	r.print(&out, []string{"D12", "D1"})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "D12  10000   -") || !strings.HasSuffix(lines[2], `worker-1 killed 4; a "quoted" word`) {
		t.Errorf("the table is\n%s", out.String())
	}
}

func TestBroken(t *testing.T) {
	r := read(
		`--- FAIL: TestD2KilledRedirectors (9.59s)`,
		`x.go:1: row: D2 struck=0 lost=0`,
		`x.go:1: row: D3 struck=1 lost=2`,
	)
	want := []string{"TestD2KilledRedirectors failed", "D4: no row", "D2: no fault struck", "D3: lost is 2"}
	if got := r.broken([]string{"D2", "D3", "D4"}); !slices.Equal(got, want) {
		t.Errorf("broken: %q; want %q", got, want)
	}
}

func TestChoose(t *testing.T) {
	if _, err := choose("D1,D99"); err == nil || !strings.Contains(err.Error(), `"D99"`) {
		t.Errorf("error %v; want one that names D99", err)
	}
	ids, err := choose("d1, ALL")
	if err != nil || !slices.Equal(ids, []string{"D1", "ALL"}) {
		t.Fatalf("chosen %q, %v", ids, err)
	}
	match := regexp.MustCompile(pattern(ids))
	for name, want := range map[string]bool{"TestD1KilledWorkers": true, "TestD1": true, "TestD12": false, "TestCampaignThroughEveryFault": true} {
		if match.MatchString(name) != want {
			t.Errorf("%s is chosen: %v; want %v", name, !want, want)
		}
	}
}
