package faults

import (
	"database/sql"
	"encoding/binary"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/e2e/stage"
	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/queue/rabbit"
)

// A publisher puts messages into the broker as a redirector does: clicks of a feed of its own, confirmed.
type publisher struct {
	feed queue.FeedID
	end  int64
	ch   *amqp.Channel
}

func newPublisher(t *testing.T, url string) *publisher {
	t.Helper()
	ch := channel(t, url)
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	return &publisher{feed: queue.FeedID(click.NewID(time.Now().UnixMilli())), ch: ch}
}

// channel opens a connection of the test's own to the broker.
func channel(t *testing.T, url string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// publish sends the clicks, many to a message, and returns when all are confirmed.
func (p *publisher) publish(t *testing.T, clicks []click.Click) {
	t.Helper()
	var body []byte
	n := 0
	for i := range clicks {
		body = click.AppendFrame(body, &clicks[i])
		if n++; n == 100 || i == len(clicks)-1 {
			p.send(t, body, n)
			body, n = nil, 0
		}
	}
}

// send sends whatever it is as the feed's next message.
func (p *publisher) send(t *testing.T, body []byte, clicks int) {
	t.Helper()
	from := p.end
	p.end += int64(len(body))
	confirm, err := p.ch.PublishWithDeferredConfirm("", rabbit.ClicksQueue, true, false, amqp.Publishing{
		Type: "clicks.1", DeliveryMode: amqp.Persistent, Body: body, Headers: amqp.Table{
			"feed": p.feed.String(), "from": from, "to": p.end, "upto_ms": time.Now().UnixMilli(), "clicks": int32(clicks), //nolint:gosec // few
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := confirm.WaitContext(stage.Within(t, 20*time.Second)); !ok || err != nil {
		t.Fatalf("the broker did not take a message: %v", err)
	}
}

// noClick is a frame that is whole and holds no click.
func noClick(text string) []byte {
	frame := make([]byte, click.FrameHeader, click.FrameHeader+len(text))
	binary.LittleEndian.PutUint32(frame, uint32(len(text))) //nolint:gosec // few bytes
	binary.LittleEndian.PutUint32(frame[4:], click.Checksum([]byte(text)))
	return append(frame, text...)
}

// linksOf reads what a click on each of a campaign's links says of it.
func linksOf(t *testing.T, db *sql.DB, campaign int) []click.Click {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT id, ordinal, account_id, campaign_id, domain_id FROM links WHERE campaign_id = ?", campaign)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []click.Click
	for rows.Next() {
		c := click.Click{Method: click.GET}
		if err := rows.Scan(&c.Link, &c.Ordinal, &c.Account, &c.Campaign, &c.Domain); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%d links, %v", len(all), err)
	}
	return all
}
