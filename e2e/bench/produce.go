package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"

	"longtail/e2e/stack"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/queue"
)

// A produce is a number of clicks: as the messages that ingest gets, and as the text that LOAD DATA reads.
type produce struct {
	rows     int
	messages []queue.Message
	text     []byte
}

// newProduce makes clicks of one minute, in the order of their time, as a redirector writes them.
func newProduce(links []link.Link, rows int, withRecipients bool) *produce {
	p := &produce{rows: rows}
	key := link.NewCampaignKey(secret, links[0].Account, links[0].CampaignName)
	now, feed := time.Now().Add(-time.Minute).UnixMilli(), queue.FeedID(click.NewID(0))
	message := queue.Message{Feed: feed}
	for i := range rows {
		ms := now + int64(i)*60_000/int64(rows)
		l := &links[i*i%len(links)]
		c := click.Click{
			ID: click.NewID(ms), Link: l.ID, Ordinal: l.Ordinal, Account: l.Account, Campaign: l.Campaign, Domain: l.Domain, Method: click.GET,
			IP: "198.51.100.0", Referrer: "https://mail.example.com/",
			UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) n/" + strconv.Itoa(i),
		}
		recipient := ""
		if withRecipients {
			recipient = "r-" + strconv.Itoa(i*7919%recipients)
			c.Token = key.Token(recipient)
		}
		p.text = appendRow(p.text, &c, recipient)
		message.Frames = click.AppendFrame(message.Frames, &c)
		message.Clicks++
		if message.Clicks == queue.MaxClicks || len(message.Frames) > queue.MaxBytes-click.FrameHeader-1024 || i == rows-1 {
			message.To, message.UptoMS = message.From+int64(len(message.Frames)), ms
			p.messages = append(p.messages, message)
			message = queue.Message{Feed: feed, From: message.To, To: message.To}
		}
	}
	return p
}

// columns in the order of appendRow.
const columns = "campaign_id, event_id, day, account_id, link_id, recipient, token, method, class, flags, ip, user_agent, referrer," +
	" time_ms, inserted_ms, rule, rules"

func appendRow(b []byte, c *click.Click, recipient string) []byte {
	token := 0
	if recipient != "" {
		token = 1
	}
	id := c.ID
	return fmt.Appendf(b, "%d\t%s\t%d\t%d\t%d\t%s\t%d\t%d\t0\t0\t%s\t%s\t%s\t%d\t%d\t0\t1\n", c.Campaign, escaped(id[:]), id.Day(), c.Account,
		c.Link, recipient, token, c.Method, c.IP, c.UserAgent, c.Referrer, id.MS(), id.MS())
}

// escaped writes bytes as LOAD DATA reads them.
func escaped(b []byte) []byte {
	for _, e := range []struct{ raw, text string }{{"\\", "\\\\"}, {"\t", "\\t"}, {"\n", "\\n"}, {"\x00", "\\0"}} {
		b = bytes.ReplaceAll(b, []byte(e.raw), []byte(e.text))
	}
	return b
}

// loadData is the fastest way into a table that the server has.
func (m *mill) loadData(ctx context.Context, o Options, server *stack.Database, p *produce) (sample, error) {
	const name = "produce"
	mysql.RegisterReaderHandler(name, func() io.Reader { return bytes.NewReader(p.text) })
	defer mysql.DeregisterReaderHandler(name)
	return m.timed(ctx, o, server, "loaded", p.rows, func() error {
		_, err := m.raw.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' INTO TABLE loaded CHARACTER SET binary"+
			` FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' (`+columns+")")
		return err
	})
}
