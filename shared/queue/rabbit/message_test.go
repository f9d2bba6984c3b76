package rabbit

import (
	"bytes"
	"errors"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/shared/queue"
)

func TestMessageKeepsEveryField(t *testing.T) {
	for _, m := range []queue.Message{
		{Feed: queue.FeedID{1}, From: 0, To: 0, UptoMS: 1},
		{Feed: queue.FeedID{0xff, 15: 0xff}, From: 1 << 40, To: 1<<40 + 9, UptoMS: 1 << 42, Frames: []byte("frames"), Clicks: 500},
	} {
		p := encode(&m)
		if err := p.Headers.Validate(); err != nil {
			t.Fatal(err)
		}
		if p.DeliveryMode != amqp.Persistent || p.Type != "clicks.1" || p.ContentType != "application/vnd.longtail.clicks" {
			t.Errorf("properties %+v", p)
		}
		got, err := decode(p.Type, p.Headers, p.Body)
		if err != nil || got.Feed != m.Feed || got.From != m.From || got.To != m.To || got.UptoMS != m.UptoMS ||
			got.Clicks != m.Clicks || !bytes.Equal(got.Frames, m.Frames) {
			t.Errorf("%+v came back as %+v, %v", m, got, err)
		}
	}
}

func TestMessageThatIsNotOurs(t *testing.T) {
	good := func() amqp.Table {
		return amqp.Table{"feed": queue.FeedID{1}.String(), "from": int64(1), "to": int64(2), "upto_ms": int64(3), "clicks": int32(1)}
	}
	with := func(name string, value any) amqp.Table {
		h := good()
		h[name] = value
		return h
	}
	for name, c := range map[string]struct {
		kind    string
		headers amqp.Table
	}{
		"no type":        {"", good()},
		"another type":   {"orders.1", good()},
		"version zero":   {"clicks.0", good()},
		"no version":     {"clicks.", good()},
		"no headers":     {"clicks.1", nil},
		"short feed":     {"clicks.1", with("feed", "00")},
		"feed of zeros":  {"clicks.1", with("feed", queue.FeedID{}.String())},
		"feed as number": {"clicks.1", with("feed", int64(7))},
		"from as text":   {"clicks.1", with("from", "1")},
		"negative from":  {"clicks.1", with("from", int64(-1))},
		"to before from": {"clicks.1", with("to", int64(0))},
		"no watermark":   {"clicks.1", with("upto_ms", nil)},
	} {
		m, err := decode(c.kind, c.headers, []byte("body"))
		if err == nil || errors.Is(err, errNewer) || m.Feed != (queue.FeedID{}) || string(m.Frames) != "body" || m.To != 0 {
			t.Errorf("%s: %+v, %v; want the bare body and an error", name, m, err)
		}
	}
	if m, err := decode("clicks.1", with("clicks", int64(1<<40)), nil); err != nil || m.Clicks != 0 {
		t.Errorf("a wrong number of clicks: %+v, %v; want it ignored", m, err)
	}
	if _, err := decode("clicks.2", nil, nil); !errors.Is(err, errNewer) {
		t.Errorf("a newer format: %v", err)
	}
}

func TestAttempt(t *testing.T) {
	for _, c := range []struct {
		redelivered bool
		headers     amqp.Table
		want        int
	}{
		{false, nil, 1},
		{true, nil, 2},
		{true, amqp.Table{"x-delivery-count": int64(1)}, 2},
		{true, amqp.Table{"x-delivery-count": int64(4)}, 5},
		{true, amqp.Table{"x-delivery-count": int64(1), "x-acquired-count": int64(6)}, 7},
		{false, amqp.Table{"x-delivery-count": int64(0), "x-acquired-count": int64(0)}, 1},
	} {
		if got := attempt(&amqp.Delivery{Redelivered: c.redelivered, Headers: c.headers}); got != c.want {
			t.Errorf("redelivered %t, %v: attempt %d, want %d", c.redelivered, c.headers, got, c.want)
		}
	}
}
