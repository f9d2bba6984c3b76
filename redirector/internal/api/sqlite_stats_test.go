package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"longtail/shared/classify"
	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

// store ingests clicks of a link, each by its own recipient, one a minute beginning at from, as changed.
func (r *rig) store(code string, from time.Time, n int, feed queue.FeedID, change ...func(*storage.ClickRow)) {
	r.Helper()
	l, err := r.db.FindLink(r.Context(), 1, code)
	if err != nil {
		r.Fatal(err)
	}
	var batch storage.Batch
	for i := range n {
		recipient := fmt.Sprintf("r-%04d", i)
		batch.Clicks = append(batch.Clicks, storage.ClickRow{
			Click: click.Click{ID: click.NewID(from.Add(time.Duration(i) * time.Minute).UnixMilli()), Link: l.ID, Ordinal: l.Ordinal, Account: l.Account,
				Campaign: l.Campaign, Domain: l.Domain, Method: click.GET, IP: "192.0.2.0", UserAgent: "=agent"},
			Feed: feed, Recipient: recipient, Token: storage.TokenValid,
		})
		for _, do := range change {
			do(&batch.Clicks[i])
		}
	}
	if _, err := r.db.Ingest(r.Context(), batch); err != nil {
		r.Fatal(err)
	}
}

type figures struct {
	Clicks   int64
	Unknown  int64
	Uniques  int64     `json:"unique_recipients"`
	Complete time.Time `json:"complete_through"`
	Links    []struct {
		Code    string
		Clicks  int64
		Uniques int64 `json:"unique_recipients"`
	}
	Series []struct {
		Start  time.Time
		Clicks int64
	}
}

func TestFiguresOnSQLite(t *testing.T) {
	r := newRig(t)
	var one, two linkView
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/1","campaign":"c"}`, &one))
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/2","campaign":"c"}`, &two))
	start := time.Now().UTC().Truncate(time.Hour).Add(-10 * time.Hour).Add(7 * time.Minute)
	feed := queue.FeedID{1}
	r.store(one.Code, start, 100, feed)
	r.store(two.Code, start.Add(30*time.Second), 10, feed)
	var f figures
	r.want(200, r.ask("GET", "/api/v1/campaigns/c/stats", "", &f))
	if f.Clicks != 110 || f.Unknown != 110 || f.Uniques != 100 || len(f.Links) != 2 || f.Links[0].Code != one.Code || f.Links[0].Uniques != 100 ||
		f.Links[1].Clicks != 10 || len(f.Series) != 0 || time.Since(f.Complete).Abs() > 5*time.Second {
		t.Errorf("%+v", f)
	}
	// Parts of a range add up to the whole, uniques too, wherever it is cut.
	at := func(minutes int) string { return start.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339) }
	for _, cut := range []int{1, 8, 9, 53, 99} {
		var a, b figures
		r.want(200, r.ask("GET", "/api/v1/campaigns/c/stats?from="+at(0)+"&to="+at(cut), "", &a))
		r.want(200, r.ask("GET", "/api/v1/campaigns/c/stats?from="+at(cut)+"&to="+at(100)+"&resolution=minute", "", &b))
		if a.Clicks+b.Clicks != 110 || a.Uniques+b.Uniques != 100 || len(b.Series) != 100-cut {
			t.Errorf("cut at %d: %d + %d clicks, %d + %d uniques, %d points", cut, a.Clicks, b.Clicks, a.Uniques, b.Uniques, len(b.Series))
		}
	}
	// Also within a minute: the clicks of the second link lie half a minute behind those of the first.
	ms := func(after time.Duration) string { return start.Add(after).Format("2006-01-02T15:04:05.000Z") }
	for _, cut := range []time.Duration{1, 29_999, 30_000, 30_001, 330_000, 629_999, 3_000_017} {
		var a, b figures
		r.want(200, r.ask("GET", "/api/v1/campaigns/c/stats?from="+at(0)+"&to="+ms(cut*time.Millisecond), "", &a))
		r.want(200, r.ask("GET", "/api/v1/campaigns/c/stats?from="+ms(cut*time.Millisecond)+"&to="+ms(6_000_000*time.Millisecond), "", &b))
		links := a.Links[0].Clicks + a.Links[1].Clicks
		if a.Clicks+b.Clicks != 110 || a.Uniques+b.Uniques != 100 || links != a.Clicks || a.Uniques != int64(cut+59_999)/60_000 {
			t.Errorf("cut at %d ms: %+v and %+v", cut, a, b)
		}
	}
	for _, resolution := range []string{"minute", "hour", "day"} {
		var s figures
		r.want(200, r.ask("GET", "/api/v1/links/"+one.Code+"/stats?from="+start.Add(-7*time.Hour).Format(time.RFC3339)+"&resolution="+resolution+"&tz=Asia/Kolkata", "", &s))
		var sum int64
		for _, p := range s.Series {
			sum += p.Clicks
		}
		if sum != 100 || s.Clicks != 100 || s.Uniques != 100 || len(s.Links) != 0 {
			t.Errorf("%s: sum %d of %+v", resolution, sum, s)
		}
	}
	var who struct {
		Data []struct {
			Recipient string
			Clicks    int
		}
		Next *string
	}
	r.want(200, r.ask("GET", "/api/v1/campaigns/c/recipients?limit=3", "", &who))
	if len(who.Data) != 3 || who.Data[0].Recipient != "r-0000" || who.Data[0].Clicks != 2 || who.Next == nil {
		t.Errorf("%+v", who)
	}
	var balance struct{ Answered, Stored, Waiting int64 }
	r.want(200, r.ask("GET", "/api/v1/campaigns/c/balance", "", &balance))
	if balance.Answered != 110 || balance.Stored != 110 || balance.Waiting != 0 {
		t.Errorf("%+v", balance)
	}
}

func TestExportOnSQLite(t *testing.T) {
	r := newRig(t)
	var l linkView
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/1","campaign":"c"}`, &l))
	start := time.Now().Add(-100 * time.Hour)
	r.store(l.Code, start, 4499, queue.FeedID{1})
	r.store(l.Code, start.Add(99*time.Hour), 1, queue.FeedID{1}, func(row *storage.ClickRow) {
		row.Class, row.Rule = storage.Machine, int16(classify.Crawler)
	})
	for _, query := range []string{"", "&campaign=c"} {
		var lines, table string
		r.want(200, r.ask("GET", "/api/v1/clicks?format=ndjson"+query, "", &lines))
		r.want(200, r.ask("GET", "/api/v1/clicks?format=csv"+query, "", &table))
		if n := strings.Count(lines, "\n"); n != 4500 || !strings.Contains(lines, `"recipient":"r-0000","token":"valid","method":"GET","class":"unknown","ip":"192.0.2.0","user_agent":"=agent","referrer":"","url":"https://a.example/1","reason":""}`) ||
			strings.Count(lines, `"class":"machine"`) != 1 || strings.Count(lines, `"reason":"crawler"}`) != 1 {
			t.Errorf("%d lines: %.300s", n, lines)
		}
		head, rest, _ := strings.Cut(table, "\n")
		if n := strings.Count(rest, "\n"); n != 4500 || !strings.Contains(rest, ",'=agent,") || head != "id,time,domain,code,campaign,recipient,token,method,class,ip,user_agent,referrer,url" {
			t.Errorf("%d rows: %.300s", n, table)
		}
	}
}
