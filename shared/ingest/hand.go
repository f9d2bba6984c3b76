package ingest

import (
	"sync"
	"sync/atomic"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// A hand is what all loops together hold, for whoever asks how the work goes.
type hand struct {
	messages, clicks, inserted atomic.Int64

	mu     sync.Mutex
	oldest map[*batch]int64 // ms of the oldest click, of each batch that has any
}

// Load tells how many messages and clicks are in hand now, the time of the oldest of them (0 = none), and how many rows
// were inserted since the start.
func (g *Ingest) Load() (messages, clicks int, oldestMS int64, inserted uint64) {
	h := &g.inHand
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ms := range h.oldest {
		if oldestMS == 0 || ms < oldestMS {
			oldestMS = ms
		}
	}
	return int(h.messages.Load()), int(h.clicks.Load()), oldestMS, uint64(h.inserted.Load())
}

// took notes that a batch holds one more delivery, of n clicks.
func (h *hand) took(b *batch, d *queue.Delivery, n int) {
	h.messages.Add(1)
	h.clicks.Add(int64(n))
	ms := firstMS(d)
	if ms == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if was, has := h.oldest[b]; !has || ms < was {
		h.oldest[b] = ms
	}
}

// released notes that a batch holds nothing any more.
func (h *hand) released(b *batch) {
	h.messages.Add(-int64(len(b.held)))
	h.clicks.Add(-int64(b.clicks))
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.oldest, b)
}

// firstMS is the time of a delivery's first click, which is its oldest, since a feed is in the order of time. It is 0
// when there is none, or none that can be read.
func firstMS(d *queue.Delivery) int64 {
	payload, _, err := click.Next(d.Frames)
	if err != nil {
		return 0
	}
	c, _ := click.Decode(payload) // a click that is wrong otherwise may still tell its id
	return c.ID.MS()
}
