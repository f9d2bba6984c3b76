package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"longtail/e2e/stack"
)

// A group is the tests of packages that run together.
type group struct {
	packages []string
	ids      []string
}

// groups are all ids, by where they are tested. Those on real processes come last; an id that is tested in several places
// has a row of each.
var groups = []group{
	{[]string{"./shared/queue/spool"}, []string{"D9", "D10", "D11", "D12", "D13", "D22", "T"}},
	{[]string{"./shared/link", "./redirector/internal/edge"}, []string{"S5"}},
	{[]string{"./redirector/internal/resolve"}, []string{"C1", "C2", "C3", "C4", "C6", "C8", "C9", "C10", "C12", "C13"}},
	{[]string{"./shared/queue/rabbit"}, []string{"D14", "D21"}},
	{[]string{"./e2e/stories"}, []string{"AUDIT"}},
	{[]string{"./e2e/faults"}, []string{
		"D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D14", "D15", "D16", "D17", "D19", "D20", "D23",
		"C1", "C3", "C4", "C7", "C8", "C9", "C10", "C11", "C12", "M1", "M3", "M8", "M9", "ALL",
	}},
}

// names are of tests that are not named by their id alone.
var names = map[string]string{"T": "CompletenessNeverPasses", "ALL": "CampaignThroughEveryFault", "AUDIT": "AuditNamesAChangedCounter"}

// choose reads --only; nothing chooses all.
func choose(only string) ([]string, error) {
	var all []string
	for _, g := range groups {
		for _, id := range g.ids {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	if only == "" {
		return all, nil
	}
	var chosen []string
	for id := range strings.SplitSeq(only, ",") {
		id = strings.ToUpper(strings.TrimSpace(id))
		if !slices.Contains(all, id) {
			return nil, fmt.Errorf("--only: no fault is named %q; there are %s", id, strings.Join(all, ", "))
		}
		chosen = append(chosen, id)
	}
	return chosen, nil
}

// of are the group's ids among the wanted ones.
func (g group) of(wanted []string) []string {
	return slices.DeleteFunc(slices.Clone(g.ids), func(id string) bool { return !slices.Contains(wanted, id) })
}

// pattern matches the tests of ids: the id, and then anything but a digit.
func pattern(ids []string) string {
	var all []string
	for _, id := range ids {
		if name, ok := names[id]; ok {
			all = append(all, name)
			continue
		}
		all = append(all, id+"($|[^0-9])")
	}
	return "^Test(" + strings.Join(all, "|") + ")"
}

// test runs a group's tests, shows what they print, and returns their rows.
func (g group) test(ctx context.Context, o options, ids []string) results {
	root, err := stack.Root()
	if err != nil {
		return results{failed: []string{err.Error()}}
	}
	args := append([]string{"test", "-count=1", "-v", "-p", "1", "-timeout", "180m", "-run", pattern(ids)}, g.packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("FAULT_SEED=%d", o.Seed))
	if !o.Part {
		cmd.Env = append(cmd.Env, "FAULT_SCALE=full")
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return results{failed: []string{err.Error()}}
	}
	if err := cmd.Start(); err != nil {
		return results{failed: []string{err.Error()}}
	}
	var found results
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Println(lines.Text())
		found.line(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		found.failed = append(found.failed, errors.Join(fmt.Errorf("go %s", strings.Join(args, " ")), err).Error())
	}
	return found
}
