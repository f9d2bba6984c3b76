package stage

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"longtail/e2e/stack"
)

// Meter reads one of the programs' own metrics, added up over the programs and over the values of all labels but the
// given ones, such as role="consume". A program that was started again counts from 0.
func Meter(t *testing.T, programs []*stack.Program, name string, labels ...string) int {
	t.Helper()
	sum := 0.0
	for _, p := range programs {
		n, err := meter(t, p.DebugURL()+"/metrics", name, labels)
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		sum += n
	}
	return int(sum)
}

func meter(t *testing.T, url, name string, labels []string) (sum float64, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(Within(t, 5*time.Second), http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	found := false
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), " ")
		metric, of, _ := strings.Cut(key, "{")
		if metric != name || !hasAll(of, labels) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("read metric %s: %w", name, err)
		}
		sum, found = sum+n, true
	}
	if !found && len(labels) == 0 {
		return 0, fmt.Errorf("no metric is named %s", name)
	}
	return sum, lines.Err()
}

func hasAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
