package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"longtail/redirector/client"
	"longtail/redirector/internal/app"
	"longtail/shared/config"
	"longtail/shared/storage"
)

const key = "a-key-for-the-client-0123456789abcd"

// serve runs an allinone and returns the address of its API.
func serve(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	dsn := "sqlite:" + filepath.Join(dir, "longtail.db")
	db, err := storage.Open(t.Context(), storage.Options{DSN: dsn, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(app.Migrate(t.Context(), db, "go.example"), db.Close()); err != nil {
		t.Fatal(err)
	}
	public, api := free(t), free(t)
	ctx, stop := context.WithCancel(t.Context())
	started, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Public: config.Public{Addr: public, URL: &url.URL{Scheme: "http", Host: "go.example"}, IP: "none"}, API: config.API{Addr: api, Rate: 1000},
			Spool: config.Spool{DataDir: dir, Journal: "kill", MaxBytes: 1 << 28}, CacheBytes: 1 << 20, DSN: dsn,
			Secrets: config.Secrets{Secret: []byte(strings.Repeat("s", 32)), Bootstrap: key}, Pool: config.Pool{Prefetch: 64, Consumers: 1, BatchSize: 1000, BatchAge: time.Second},
			Retention: 400 * 24 * time.Hour, Log: log, Started: func() { close(started) },
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("allinone: %v", err)
		}
	})
	select {
	case <-started:
	case err := <-ended:
		t.Fatal(err)
	}
	return "http://" + api
}

func free(t *testing.T) string {
	t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// flaky stands before the API: of every three requests the first meets 429, the answer to the second is lost, the third
// goes well.
func flaky(t *testing.T, api string) (string, *atomic.Int32) {
	t.Helper()
	target, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	proxy, asked := httputil.NewSingleHostReverseProxy(target), &atomic.Int32{}
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) % 3 {
		case 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(ts.Close)
	return ts.URL, asked
}

func newClient(t *testing.T, base string) *client.Client {
	t.Helper()
	c, err := client.New(base, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClient(t *testing.T) {
	api := serve(t)
	c := newClient(t, api)
	campaign, ref := "spring", "r1"
	l, err := c.CreateLink(t.Context(), client.NewLink{URL: "https://shop.example/?a=1&b=<2>", Campaign: &campaign, Ref: &ref})
	if err != nil || l.URL != "https://shop.example/?a=1&b=<2>" || l.TrackedURL != "http://go.example/"+l.Code {
		t.Fatalf("%+v %v", l, err)
	}
	edited, err := c.SetURL(t.Context(), l, "https://shop.example/new")
	if err != nil || edited.Version != l.Version+1 {
		t.Errorf("%+v %v", edited, err)
	}
	var told *client.Problem
	if _, err := c.SetURL(t.Context(), l, "https://shop.example/late"); !errors.As(err, &told) || told.Status != 412 {
		t.Errorf("an old version: %v", err)
	}
	if _, err := c.CreateLink(t.Context(), client.NewLink{URL: "ftp://a.example/"}); !errors.As(err, &told) || told.Code != "invalid" || !strings.Contains(err.Error(), "url_scheme") {
		t.Errorf("a bad URL: %v", err)
	}
	html := `<a href="https://shop.example/x">x</a>`
	mail, err := c.Rewrite(t.Context(), client.Mail{Campaign: campaign, HTML: &html})
	if err != nil || mail.HTML == nil || !strings.Contains(*mail.HTML, "http://go.example/") {
		t.Errorf("%+v %v", mail, err)
	}
	figures, err := c.CampaignStats(t.Context(), campaign)
	if err != nil || figures.Clicks != 0 || figures.CompleteThrough.IsZero() {
		t.Errorf("%+v %v", figures, err)
	}
	if err := c.DeleteLink(t.Context(), "", l.Code); err != nil {
		t.Error(err)
	}
	if found, err := c.Link(t.Context(), "go.example", l.Code); err != nil || found.State != client.LinkViewStateDeleted {
		t.Errorf("%+v %v", found, err)
	}
}

// TestRetries: what is safe to repeat is repeated, and makes nothing twice.
func TestRetries(t *testing.T) {
	api := serve(t)
	base, asked := flaky(t, api)
	c := newClient(t, base)
	l, err := c.CreateLink(t.Context(), client.NewLink{URL: "https://shop.example/"})
	if err != nil || asked.Load() != 3 {
		t.Fatalf("%v after %d requests", err, asked.Load())
	}
	if l.Version != 1 {
		t.Errorf("%+v", l)
	}
	want := links(2500)
	n := 0
	for line, err := range c.CreateLinks(t.Context(), want) {
		if err != nil || line.Err != nil || line.Link.URL != want[n].URL {
			t.Fatalf("line %d: %+v %v", n+1, line, err)
		}
		n++
	}
	if n != len(want) || asked.Load() != 6 {
		t.Errorf("%d lines after %d requests", n, asked.Load())
	}
	want[0].Ref = nil // now a repeat would make something twice
	for _, err := range c.CreateLinks(t.Context(), want) {
		if err == nil || asked.Load() != 7 {
			t.Errorf("%v after %d requests", err, asked.Load())
		}
	}
}

func links(n int) []client.NewLink {
	all := make([]client.NewLink, n)
	for i := range all {
		ref := fmt.Sprintf("ref-%d", i)
		all[i] = client.NewLink{URL: fmt.Sprintf("https://shop.example/%d", i), Ref: &ref}
	}
	return all
}

func TestBulk(t *testing.T) {
	c := newClient(t, serve(t))
	want := links(10)
	want[6].URL = "nothing"
	n := 0
	for line, err := range c.CreateLinks(t.Context(), want) {
		if err != nil || (line.Err != nil) != (n == 6) {
			t.Errorf("line %d: %+v %v", n+1, line, err)
		}
		n++
	}
	if n != 10 {
		t.Errorf("%d lines", n)
	}
	for range c.CreateLinks(t.Context(), want) {
		break // whoever has enough may go
	}
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, `{"code":"abc"}`) }))
	defer cut.Close()
	var last error
	for _, err := range newClient(t, cut.URL).CreateLinks(t.Context(), want) {
		last = err
	}
	if !errors.Is(last, client.ErrCut) {
		t.Errorf("an answer without its end: %v", last)
	}
}
