package stack

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Metric reads one of the program's metrics, added up over the values of all labels but the given ones, such as
// role="consume". With a label that has no value yet it is 0. A program that was started again counts from 0.
func (p *Program) Metric(ctx context.Context, name string, labels ...string) (sum float64, err error) {
	text, err := fetch(ctx, p.DebugURL()+"/metrics")
	if err != nil {
		return 0, err
	}
	found := false
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), " ")
		if metric, of, _ := strings.Cut(key, "{"); metric != name || !hasAll(of, labels) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s of %s: %w", name, p.Name, err)
		}
		sum, found = sum+n, true
	}
	if !found && len(labels) == 0 {
		return 0, fmt.Errorf("%s has no metric %s", p.Name, name)
	}
	return sum, nil
}

func hasAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
