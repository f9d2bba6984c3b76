package console

import (
	"net/url"
	"testing"
	"time"
)

func TestSeriesOf(t *testing.T) {
	now := time.Date(2026, 11, 28, 14, 3, 20, 0, time.UTC) // 19:33:20 in India
	for _, c := range []struct{ form, zone, asked, from, to string }{
		{"", "UTC", "from=2026-11-28T13:04 to=2026-11-28T14:04 by minute", "2026-11-28", "2026-11-28"},
		{"span=nonsense", "UTC", "from=2026-11-28T13:04 to=2026-11-28T14:04 by minute", "2026-11-28", "2026-11-28"},
		{"span=day", "Asia/Kolkata", "from=2026-11-27T15:00 to=2026-11-28T15:00 by hour", "2026-11-27", "2026-11-28"},
		{"span=month", "Asia/Kolkata", "from=2026-10-29T18:30 to=2026-11-28T18:30 by day", "2026-10-30", "2026-11-28"},
		{"span=month&from=2026-01-01", "UTC", "from=2026-10-30T00:00 to=2026-11-29T00:00 by day", "2026-10-30", "2026-11-28"},
		{"span=days&from=2026-11-20&to=2026-11-21", "Asia/Kolkata", "from=2026-11-19T18:30 to=2026-11-21T18:30 by hour", "2026-11-20", "2026-11-21"},
		{"span=days&from=2026-10-20&to=2026-11-21", "UTC", "from=2026-10-20T00:00 to=2026-11-22T00:00 by day", "2026-10-20", "2026-11-21"},
		{"span=days&from=2026-11-20", "UTC", "from=2026-11-20T00:00 to= by hour", "2026-11-20", ""},
		{"span=days&to=2026-11-20", "UTC", "from= to=2026-11-21T00:00 by day", "", "2026-11-20"},
		{"span=days&from=2026-11-21&to=2026-11-20", "UTC", "from=2026-11-21T00:00 to=2026-11-21T00:00 by hour", "2026-11-21", "2026-11-20"},
		{"span=days&from=soon&to=2026-11-20", "UTC", "from=soon to=2026-11-21T00:00 by day", "soon", "2026-11-20"},
		{"span=days&from=2026-10-24&to=2026-10-25", "Europe/Berlin", "from=2026-10-23T22:00 to=2026-10-25T23:00 by hour", "2026-10-24", "2026-10-25"},
		{"span=month", "Europe/Berlin", "from=2026-10-29T23:00 to=2026-11-28T23:00 by day", "2026-10-30", "2026-11-28"},
		{"span=month", "America/New_York", "from=2026-10-30T04:00 to=2026-11-29T05:00 by day", "2026-10-30", "2026-11-28"},
		{"span=hour", "Mars", "from=2026-11-28T13:04 to=2026-11-28T14:04 by minute", "2026-11-28", "2026-11-28"},
	} {
		q, err := url.ParseQuery(c.form)
		if err != nil {
			t.Fatal(err)
		}
		s := seriesOf(q, now, c.zone)
		short := func(name string) string {
			at, err := time.Parse(time.RFC3339, s.ask.Get(name))
			if err != nil {
				return s.ask.Get(name)
			}
			return at.Format("2006-01-02T15:04")
		}
		if asked := "from=" + short("from") + " to=" + short("to") + " by " + s.ask.Get("resolution"); asked != c.asked || s.From != c.from || s.To != c.to || s.ask.Get("tz") != c.zone {
			t.Errorf("%q in %s: %s, form %s to %s\nwant %s, form %s to %s", c.form, c.zone, asked, s.From, s.To, c.asked, c.from, c.to)
		}
	}
}
