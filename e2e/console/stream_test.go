package console

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"longtail/e2e/stage"
)

// A page that nobody sees asks for nothing; seen again, it is true again.
func TestHiddenPageIsSilent(t *testing.T) {
	t.Parallel()
	p, api := alone(t, nil)
	s := campaign(t, p, api)
	between := newBetween(t, p.APIURL())
	b := signedIn(t, between.URL, testKey)
	b.visit("/console/campaigns/" + s.Crowd.ID)
	b.until(stepLimit, "a stream", func() bool { return between.open.Load() == 1 })
	see := func(hidden string) {
		ask[int](b, `Object.defineProperty(document, "hidden", {value: `+hidden+`, configurable: true}); document.dispatchEvent(new Event("visibilitychange")); 0`)
	}
	see("true")
	b.until(stepLimit, "no stream", func() bool { return between.open.Load() == 0 })
	asked := between.asked.Load()
	s.Start(t, p.URL(), 50, 0).Answers()
	stage.Pass(t, 6*time.Second)
	if n := between.asked.Load(); n != asked {
		t.Errorf("a hidden page asked %d times", n-asked)
	}
	if text := b.text("#stale"); text != "" {
		t.Errorf("a hidden page says %q", text)
	}
	see("false")
	b.until(soon, "the clicks that came meanwhile", func() bool { return b.number("#clicks") == 50 })
}

// Where streams are cut on their way, a page asks every two seconds.
func TestPageAsksWhereStreamsAreCut(t *testing.T) {
	t.Parallel()
	p, api := alone(t, nil)
	s := campaign(t, p, api)
	between := newBetween(t, p.APIURL())
	between.cut.Store(true)
	b := signedIn(t, between.URL, testKey)
	b.visit("/console/campaigns/" + s.Crowd.ID)
	b.until(stepLimit, "a page that gave streams up", func() bool { return ask[bool](b, `polling !== null`) })
	s.Start(t, p.URL(), 50, 0).Answers()
	took := b.until(stepLimit, "the clicks", func() bool { return b.number("#clicks") == 50 })
	if text := b.text("#stale"); text != "" {
		t.Errorf("the page says %q", text)
	}
	t.Logf("50 clicks stood on a page without a stream after %v", took)
}

// A between stands between browser and console, and may cut streams of events.
type between struct {
	*httptest.Server
	cut   atomic.Bool
	open  atomic.Int64 // streams
	asked atomic.Int64 // requests
}

func newBetween(t *testing.T, console string) *between {
	t.Helper()
	to, err := url.Parse(console)
	if err != nil {
		t.Fatal(err)
	}
	b := new(between)
	way := &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked.Add(1)
		if r.Header.Get("Accept") == "text/event-stream" {
			if b.cut.Load() {
				http.Error(w, "no streams here", http.StatusBadGateway)
				return
			}
			b.open.Add(1)
			defer b.open.Add(-1)
		}
		way.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		b.CloseClientConnections() // streams, which Close would wait for
		b.Close()
	})
	return b
}
