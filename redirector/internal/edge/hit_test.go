package edge

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/redirector/internal/resolve"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/queue/spool"
)

// oneLink is a database with one domain and one link.
type oneLink struct{}

func (oneLink) FindLink(_ context.Context, domain uint32, code string) (link.Link, error) {
	return link.Link{ID: 7, Campaign: 8, Account: 1, Domain: domain, Ordinal: 5, Version: 1, State: link.Live, Code: code, URL: target}, nil
}

func (oneLink) FindLinks(context.Context, []uint64) ([]link.Link, error) { return nil, nil }
func (oneLink) Changes(context.Context, uint64, int) ([]resolve.Change, error) {
	return nil, nil
}
func (oneLink) LastChange(context.Context) (uint64, error)          { return 0, nil }
func (oneLink) StoppedKeys(context.Context) ([][8]byte, error)      { return nil, nil }
func (oneLink) StoppedAccounts(context.Context) ([]uint32, error)   { return nil, nil }
func (oneLink) CodeKey(context.Context) (key link.CodeKey, _ error) { return key, nil }
func (oneLink) RedirectAll(context.Context) (map[uint64]string, error) {
	return map[uint64]string{99: "https://elsewhere.example/"}, nil
}

func (oneLink) Domains(context.Context) ([]resolve.Domain, error) {
	return []resolve.Domain{{ID: 3, Account: 1, Host: "t.example", Default: true, ForeignCodes: true}}, nil
}

func (oneLink) RecordGap(context.Context, spool.Gap) error { return errors.New("no gap is expected") }

// realEdge is an edge over the rooms that it has in a redirector: the memory of resolve and a spool on the disk.
func realEdge(tb testing.TB) *Edge {
	tb.Helper()
	log, registry := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	journal, err := spool.Open(tb.Context(), spool.Options{
		Dir: filepath.Join(tb.TempDir(), "spool"), Clock: click.NewClock(), Gaps: oneLink{}, Log: log, Registerer: registry,
	})
	if err != nil {
		tb.Fatal(err)
	}
	resolver := resolve.New(resolve.Options{Store: oneLink{}, CacheBytes: 1 << 20, Log: log, Registerer: registry})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); resolver.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		<-ended
		resolver.Close()
		if err := journal.Close(); err != nil {
			tb.Error(err)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); !resolver.Ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("the domains are not known")
		}
	}
	return New(Options{
		Resolver: resolver, Journal: journal, Ready: func() bool { return true }, IP: IPTruncated, Log: log, Registerer: registry,
	})
}

// A click on a link in memory allocates nothing, from the look into the memory to the frame on the disk.
func TestHitAllocatesNothing(t *testing.T) {
	e := realEdge(t)
	hit := Hit{
		Method: "GET", Path: "/" + code + "/" + token, Host: "t.example", IP: "192.0.2.0", Referrer: "https://mail.example/",
		UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
	}
	if r := e.Answer(t.Context(), &hit); r.Status != 302 || r.Location != target {
		t.Fatalf("answers %+v", r)
	}
	wrong := 0
	n := testing.AllocsPerRun(5000, func() {
		if r := e.Answer(t.Context(), &hit); r.Outcome != Redirected {
			wrong++
		}
	})
	if wrong > 0 || n != 0 && !raceDetector {
		t.Errorf("%d of 5000 are no redirect; an answer allocates %v times, want 0", wrong, n)
	}
}

func BenchmarkHit(b *testing.B) {
	e := realEdge(b)
	hit := Hit{Method: "GET", Path: "/" + code + "/" + token, Host: "t.example", IP: "192.0.2.0", UserAgent: "Mozilla/5.0"}
	b.ReportAllocs()
	for b.Loop() {
		e.Answer(b.Context(), &hit)
	}
}
