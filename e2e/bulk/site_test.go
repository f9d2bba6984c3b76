package bulk

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"longtail/e2e/stack"
)

const testKey = "a-key-for-bulk-requests-0123456789"

// site is a redirector with its database and Redis. Links need no broker.
type site struct {
	*stack.Program
	server *stack.Database
	db     *sql.DB
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{server: stack.Private(t, stack.MariaDB)}
	cache := stack.Private(t, stack.Redis)
	settings := stack.Settings{Forced: map[string]string{
		"LONGTAIL_MYSQL_DSN": s.server.DSN(), "LONGTAIL_REDIS_URL": cache.URL(), "LONGTAIL_AMQP_URL": "amqp://127.0.0.1:1/",
		"LONGTAIL_SECRET": strings.Repeat("s", 32), "LONGTAIL_BOOTSTRAP_KEY": testKey, "LONGTAIL_PUBLIC_URL": "http://go.example",
	}}
	s.Program = stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Redirector("redirector", dir, settings)
		if err != nil {
			return nil, err
		}
		if _, err := p.Run(ctx, "migrate"); err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})
	var err error
	if s.db, err = sql.Open("mysql", s.server.DSN()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close() })
	return s
}

// links counts the stored ones.
func (s *site) links(t *testing.T) (n int) {
	t.Helper()
	if err := s.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM links").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// peak is the most memory that the redirector ever had, in MB.
func (s *site) peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}

// lines writes n lines of a campaign to a file, each with a ref of its own. What bad holds stands in place of its line.
func lines(t *testing.T, campaign string, n int, bad map[int]string) string {
	t.Helper()
	var b bytes.Buffer
	for i := 1; i <= n; i++ {
		if text, there := bad[i]; there {
			b.WriteString(text)
		} else {
			fmt.Fprintf(&b, `{"url":"%s","campaign":"%s","ref":"%s-%d"}`, target(i), campaign, campaign, i)
		}
		b.WriteByte('\n')
	}
	path := filepath.Join(t.TempDir(), campaign)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func target(i int) string {
	return fmt.Sprintf("https://shop.example/products/category-%d/item-%d?utm_source=mail&id=%d", i%50, i, i)
}

// rate is how many a second.
func rate(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }
