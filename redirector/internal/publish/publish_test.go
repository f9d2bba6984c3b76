package publish_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/redirector/internal/publish"
	"longtail/shared/queue"
)

// spool delivers its messages once and then is closed. It remembers what each delivery's Done said.
type spool struct {
	attempts []int
	next     int
	done     []error
}

func (s *spool) Receive(context.Context) (*queue.Delivery, error) {
	if s.next == len(s.attempts) {
		return nil, queue.ErrClosed
	}
	s.next++
	release := func(err error) { s.done = append(s.done, err) }
	return queue.NewDelivery(queue.Message{Clicks: 10}, s.attempts[s.next-1], release), nil
}

// broker answers each delivery with the next of its verdicts.
type broker []error

func (b broker) Publish(ctx context.Context, source queue.Source) error {
	for _, verdict := range b {
		d, err := source.Receive(ctx)
		if err != nil {
			return err
		}
		d.Done(verdict)
	}
	return nil
}

func TestCountsWhatIsConfirmedAndWhatIsSentAgain(t *testing.T) {
	lost := errors.New("connection lost")
	source := &spool{attempts: []int{1, 1, 2}}
	r := prometheus.NewRegistry()
	p := publish.New(broker{nil, lost, nil}, slog.New(slog.DiscardHandler), r)
	if err := p.Run(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	if len(source.done) != 3 || source.done[0] != nil || source.done[1] == nil || source.done[2] != nil {
		t.Errorf("the spool was told %v, want the second message handed back only", source.done)
	}
	if got := total(t, r, "longtail_clicks_published_total"); got != 20 {
		t.Errorf("published %v clicks, want 20", got)
	}
	if got := total(t, r, "longtail_clicks_republished_total"); got != 10 {
		t.Errorf("republished %v clicks, want 10", got)
	}
}

func total(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestEndsQuietlyWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := publish.New(broker{nil}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err := p.Run(ctx, &spool{}); err != nil {
		t.Errorf("Run after its context's end: %v, want nil", err)
	}
}
