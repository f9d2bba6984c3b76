package stack

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Metric reads one of the program's metrics, added up over the values of its labels.
func (p *Program) Metric(ctx context.Context, name string) (sum float64, err error) {
	text, err := fetch(ctx, p.DebugURL()+"/metrics")
	if err != nil {
		return 0, err
	}
	found := false
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), " ")
		if metric, _, _ := strings.Cut(key, "{"); metric != name {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s of %s: %w", name, p.Name, err)
		}
		sum, found = sum+n, true
	}
	if !found {
		return 0, fmt.Errorf("%s has no metric %s", p.Name, name)
	}
	return sum, nil
}
