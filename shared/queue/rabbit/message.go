package rabbit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/shared/queue"
)

// How a message of package queue looks on the broker:
//
//	body          the frames, as they stand in the spool
//	content-type  application/vnd.longtail.clicks
//	type          clicks.1                        the format's version
//	message-id    FEED:FROM                       for people; nothing reads it
//	headers       feed (32 hex digits), from, to, upto_ms (int64), clicks (int32)
const (
	contentType = "application/vnd.longtail.clicks"
	typePrefix  = "clicks."
	// formatVersion is the newest format that this program reads.
	formatVersion = 1

	headerFeed   = "feed"
	headerFrom   = "from"
	headerTo     = "to"
	headerUptoMS = "upto_ms"
	headerClicks = "clicks"
)

// errNewer: the message is of a format that a newer program writes.
var errNewer = errors.New("message has a newer format")

func encode(m *queue.Message) amqp.Publishing {
	feed := m.Feed.String()
	return amqp.Publishing{
		ContentType:  contentType,
		Type:         typePrefix + strconv.Itoa(formatVersion),
		DeliveryMode: amqp.Persistent,
		MessageId:    feed + ":" + strconv.FormatInt(m.From, 10),
		Timestamp:    time.Now(),
		Headers: amqp.Table{
			headerFeed:   feed,
			headerFrom:   m.From,
			headerTo:     m.To,
			headerUptoMS: m.UptoMS,
			headerClicks: int32(m.Clicks), //nolint:gosec // at most queue.MaxClicks
		},
		Body: m.Frames,
	}
}

// decode reads what encode wrote. Any error but errNewer means that somebody else wrote the message, or that it was
// damaged; the message returned with it then carries the body and no feed, for ingest to make of it what it can.
func decode(kind string, headers amqp.Table, body []byte) (queue.Message, error) {
	bare := queue.Message{Frames: body}
	version, err := format(kind)
	if err != nil {
		return bare, err
	}
	if version > formatVersion {
		return bare, errNewer
	}
	m := bare
	text, _ := headers[headerFeed].(string)
	if m.Feed, err = queue.ParseFeedID(text); err != nil {
		return bare, err
	}
	for _, h := range []struct {
		name  string
		value *int64
	}{{headerFrom, &m.From}, {headerTo, &m.To}, {headerUptoMS, &m.UptoMS}} {
		v, ok := number(headers[h.name])
		if !ok || v < 0 {
			return bare, fmt.Errorf("header %s is no offset or time", h.name)
		}
		*h.value = v
	}
	if m.From > m.To || m.Feed == (queue.FeedID{}) {
		return bare, fmt.Errorf("headers name no range: feed %s [%d, %d)", m.Feed, m.From, m.To)
	}
	if n, ok := number(headers[headerClicks]); ok && n >= 0 && n <= queue.MaxClicks {
		m.Clicks = int(n)
	}
	return m, nil
}

// format reads the version from the property type.
func format(kind string) (int, error) {
	digits, ok := strings.CutPrefix(kind, typePrefix)
	if version, err := strconv.Atoi(digits); ok && err == nil && version > 0 {
		return version, nil
	}
	return 0, fmt.Errorf("message type %q is not ours", kind)
}

func number(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case int32:
		return int64(n), true
	case int16:
		return int64(n), true
	case int8:
		return int64(n), true
	case byte:
		return int64(n), true
	}
	return 0, false
}

// attempt tells how often a message was given out, this time included, as far as the broker says: quorum queues count
// in x-delivery-count, newer ones also in x-acquired-count, which counts hand-backs that the other leaves out.
func attempt(d *amqp.Delivery) int {
	before := int64(0)
	if d.Redelivered {
		before = 1
	}
	for _, header := range []string{"x-delivery-count", "x-acquired-count"} {
		if n, ok := number(d.Headers[header]); ok {
			before = max(before, n)
		}
	}
	return int(before) + 1
}
