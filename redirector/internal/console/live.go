package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	liveEvery = time.Second
	liveLimit = 5 * time.Second // of one look
	liveMost  = 1000            // pages that are looked at, at once, per process
)

// An event is what a page's script gets: the parts as they are now. A look that failed says so; the parts stay.
type event struct {
	At      int64             `json:"at"` // ms
	Parts   map[string]string `json:"parts,omitempty"`
	Point   []int64           `json:"point,omitempty"` // s, then the live chart's values
	Trouble string            `json:"trouble,omitempty"`
}

// live holds one poll for each page that anybody looks at: however many look, the API is asked once a second.
type live struct {
	mu    sync.Mutex
	polls map[string]*poll
	quit  context.Context
	stop  context.CancelFunc
	ended sync.WaitGroup
}

// A poll asks for one page in one principal's name.
type poll struct {
	viewers map[chan []byte]struct{}
	last    []byte // for who comes between two looks
	stop    context.CancelFunc
}

func newLive() *live {
	quit, stop := context.WithCancel(context.Background())
	return &live{polls: map[string]*poll{}, quit: quit, stop: stop}
}

func (l *live) close() {
	l.stop()
	l.ended.Wait()
}

// join adds a viewer; leave must be called. It returns nil when there are too many pages.
func (l *live) join(key string, look func(context.Context) event) (events chan []byte, leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.polls[key]
	if p == nil {
		if len(l.polls) >= liveMost || l.quit.Err() != nil {
			return nil, nil
		}
		ctx, stop := context.WithCancel(l.quit)
		p = &poll{viewers: map[chan []byte]struct{}{}, stop: stop}
		l.polls[key] = p
		l.ended.Go(func() { l.run(ctx, p, look) })
	}
	events = make(chan []byte, 1)
	p.viewers[events] = struct{}{}
	if p.last != nil {
		events <- p.last
	}
	return events, func() { l.leave(key, p, events) }
}

func (l *live) leave(key string, p *poll, events chan []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(p.viewers, events)
	if len(p.viewers) == 0 {
		p.stop()
		delete(l.polls, key)
	}
}

// run looks once a second and tells all viewers. One who is slow misses events, never blocks them.
func (l *live) run(ctx context.Context, p *poll, look func(context.Context) event) {
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(l.quit, liveLimit) // a look that was begun is ended, also when who asked for it has left
		text, err := json.Marshal(look(limited))
		cancel()
		if err == nil {
			l.tell(p, text)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (l *live) tell(p *poll, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.last = text
	for events := range p.viewers {
		select {
		case events <- text:
		default:
		}
	}
}

// look renders the parts of a page as they are now.
func (c *Console) look(ctx context.Context, r *http.Request, s *session, p page) event {
	e := event{At: time.Now().UnixMilli()}
	v, err := p.load(ctx, s, r.WithContext(ctx))
	if err == nil {
		e.Point = v.Point
		e.Parts, err = c.parts(r, p, s, v)
	}
	if err != nil {
		e.Trouble = "no answer"
		if !errors.Is(ctx.Err(), context.Canceled) { // else nobody looks any more
			c.log.Warn("live look failed", "route", r.Pattern, "error", err)
		}
	}
	return e
}

// once answers a script that cannot hold a stream.
func (c *Console) once(w http.ResponseWriter, r *http.Request, s *session, p page) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(c.look(r.Context(), r, s, p))
}

// stream sends events until the browser leaves, the session ends or the program shuts down.
func (c *Console) stream(w http.ResponseWriter, r *http.Request, s *session, p page) {
	key := fmt.Sprintf("%d %s %s", s.who.Account, s.who.Key, r.URL.RequestURI()+" "+zoneOf(r))
	events, leave := c.live.join(key, func(ctx context.Context) event { return c.look(ctx, r, s, p) })
	if events == nil {
		c.problemPage(w, r, http.StatusServiceUnavailable, "Too many pages", "Too many pages are open at once.")
		return
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	for {
		select {
		case <-r.Context().Done():
			return
		case <-c.live.quit.Done():
			return
		case text := <-events:
			if _, err := c.session(r.Context(), r); err != nil {
				fmt.Fprint(w, "event: signed-out\ndata: {}\n\n")
				_ = out.Flush()
				return
			}
			_ = out.SetWriteDeadline(time.Now().Add(10 * liveEvery))
			if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil {
				return
			}
			if err := out.Flush(); err != nil {
				return
			}
		}
	}
}
