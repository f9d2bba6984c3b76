package api

import (
	"context"
	"encoding/csv"
	"strings"
	"testing"

	"longtail/redirector/internal/account"
	"longtail/shared/click"
	"longtail/shared/pool"
	"longtail/shared/storage"
)

// statsMemory answers every question with the same figures.
type statsMemory struct {
	complete int64
	clicks   []storage.ExportedClick
	fail     error // of Clicks, after the first page
}

var count = storage.Count{Clicks: 6, Human: 1, Machine: 2, Unknown: 3, Uniques: 4}

func (m *statsMemory) Totals(context.Context, uint64, uint64) (storage.Count, error) {
	return count, nil
}

func (m *statsMemory) Sums(context.Context, uint64, uint64, []storage.Piece) (storage.Count, error) {
	return storage.Count{Clicks: 1, Unknown: 1}, nil
}

func (m *statsMemory) ByLink(context.Context, uint64, []storage.Piece, int) ([]storage.LinkCount, error) {
	return []storage.LinkCount{{Link: 1, Domain: 1, Code: "abc", URL: "https://a.example", Count: count}}, nil
}

func (m *statsMemory) Cells(_ context.Context, _, _ uint64, pieces []storage.Piece) ([]storage.Cell, error) {
	return []storage.Cell{{StartMS: pieces[0].FromMS, Clicks: 5}}, nil
}

func (m *statsMemory) RetentionFloor(context.Context) (int32, error) { return 20251201, nil }

func (m *statsMemory) Completeness(context.Context) (int64, error) { return m.complete, nil }

func (m *statsMemory) Gaps(context.Context, int64, int64) ([]storage.Gap, error) {
	return []storage.Gap{{FromMS: 1000, ToMS: 2000, Clicks: 7, Reason: "spool_full"}, {FromMS: 3000, Clicks: -1, Reason: "forgotten"}}, nil
}

func (m *statsMemory) FeedBalance(context.Context, uint64) (storage.FeedBalance, error) {
	return storage.FeedBalance{Answered: 10, Stored: 7, Waiting: 2, SetAside: 1}, nil
}

func (m *statsMemory) Recipients(_ context.Context, _ uint64, _, after string, limit int) (found []storage.Clicker, err error) {
	for _, name := range []string{"r-1", "r-2", "r-3"} {
		if name > after && len(found) < limit {
			found = append(found, storage.Clicker{Recipient: name, Clicks: 2, FirstMS: 1000, LastMS: 2000})
		}
	}
	return found, nil
}

func (m *statsMemory) Clicks(_ context.Context, _ uint64, from, to int64, after click.ID, limit int) (page []storage.ExportedClick, err error) {
	if m.fail != nil && after != (click.ID{}) {
		return nil, m.fail
	}
	for _, c := range m.clicks {
		if c.ID.MS() >= from && c.ID.MS() < to && c.ID.String() > after.String() && len(page) < limit {
			page = append(page, c)
		}
	}
	return page, nil
}

func (m *statsMemory) CampaignIDs(_ context.Context, _ uint32, after uint64, _ int) ([]uint64, error) {
	if after == 0 {
		return []uint64{1}, nil
	}
	return nil, nil
}

func TestStats(t *testing.T) {
	r := newRig(t, nil)
	l := into[linkView](t, r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example","campaign":"c"}`)).body)
	got := r.want(200, r.ask("GET", "/api/v1/campaigns/c/stats", ""))
	want := `{"clicks":6,"human":1,"machine":2,"unknown":3,"unique_recipients":4,"complete_through":"2027-01-15T08:00:00.000Z",` +
		`"gaps":[{"from":"1970-01-01T00:00:01.000Z","to":"1970-01-01T00:00:02.000Z","reason":"spool_full","clicks":7},` +
		`{"from":"1970-01-01T00:00:03.000Z","to":null,"reason":"forgotten","clicks":null}],` +
		`"links":[{"code":"abc","domain":"go.example","tracked_url":"http://go.example:8080/abc","url":"https://a.example","clicks":6,"human":1,"machine":2,"unknown":3,"unique_recipients":4}],"series":[]}`
	if strings.TrimSpace(got.body) != want {
		t.Errorf("%s\nwant %s", got.body, want)
	}
	got = r.want(200, r.ask("GET", "/api/v1/links/"+l.Code+"/stats?from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z&resolution=day&tz=Asia/Kolkata", ""))
	f := into[figuresView](t, strings.NewReplacer(`"from":"1970-01-01T00:00:03.000Z","to":null`, `"from":"1970-01-01T00:00:03.000Z"`).Replace(got.body))
	if f.Clicks != 1 || f.Uniques != 4 || len(f.Links) != 0 || len(f.Series) != 3 || f.Series[0].Clicks != 5 || f.Series[1].Start.String() != "2026-01-01T18:30:00.000Z" {
		t.Errorf("%s", got.body)
	}
	if got := r.want(200, r.ask("GET", "/api/v1/campaigns/c/balance", "")); strings.TrimSpace(got.body) != `{"answered":10,"stored":7,"waiting":2,"set_aside":1}` {
		t.Error(got.body)
	}
}

func TestStatsProblems(t *testing.T) {
	r := newRig(t, nil)
	r.want(201, r.ask("PUT", "/api/v1/campaigns/c", `{}`))
	for _, c := range []struct{ path, field, rule string }{
		{"campaigns/c/stats?from=yesterday", "from", "time"},
		{"campaigns/c/stats?from=2026-01-01T00:01:00Z", "from", "border"},
		{"campaigns/c/stats?to=2026-01-01T00:00:00.5Z", "to", "border"},
		{"campaigns/c/stats?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from", "order"},
		{"campaigns/c/stats?tz=Mars", "tz", "zone"},
		{"campaigns/c/stats?resolution=week", "resolution", "one_of"},
		{"campaigns/c/stats?from=2020-01-01T00:00:00Z&resolution=hour", "resolution", "points"},
		{"campaigns/c/stats?resolutio=day", "resolutio", "unknown"},
		{"campaigns/c/recipients?cursor=x", "cursor", "cursor"},
		{"campaigns/c/recipients?limit=1001", "limit", "range"},
		{"clicks?format=xml", "format", "one_of"},
		{"clicks?from=x", "from", "time"},
		{"clicks?cursor=x", "cursor", "cursor"},
		{"clicks?cursor=0123456789abcdef0123456789abcdef", "cursor", "cursor"}, // an id needs its campaign
		{"clicks?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from", "order"},
	} {
		wantProblem(t, c.path, r.ask("GET", "/api/v1/"+c.path, ""), 422, "invalid", c.field, c.rule)
	}
	for _, path := range []string{"campaigns/none/stats", "campaigns/a%20b/stats", "links/none/stats", "campaigns/none/balance", "campaigns/none/recipients", "clicks?campaign=none"} {
		wantProblem(t, path, r.ask("GET", "/api/v1/"+path, ""), 404, "not_found", "", "")
	}
	wantProblem(t, "another's", r.ask("GET", "/api/v1/campaigns/c/stats", "", "Authorization: Bearer "+r.keys.other), 404, "not_found", "", "")
}

func TestRecipients(t *testing.T) {
	r := newRig(t, nil)
	r.want(201, r.ask("PUT", "/api/v1/campaigns/c", `{}`))
	first := into[page[recipientView]](t, r.want(200, r.ask("GET", "/api/v1/campaigns/c/recipients?limit=2", "")).body)
	rest := into[page[recipientView]](t, r.want(200, r.ask("GET", "/api/v1/campaigns/c/recipients?limit=2&cursor="+*first.Next, "")).body)
	if len(first.Data) != 2 || len(rest.Data) != 1 || rest.Data[0].Recipient != "r-3" || rest.Next != nil || rest.Data[0].First.String() != "1970-01-01T00:00:01.000Z" {
		t.Errorf("%+v %+v", first, rest)
	}
}

func TestExport(t *testing.T) {
	r := newRig(t, nil)
	r.want(201, r.ask("PUT", "/api/v1/campaigns/c", `{}`))
	agents := []string{"plain", "=1+1", "+x", "-x", "@x", "\tx", "\rx", "＝1+1", "＋x", "－x", "＠x", "\xef\xbcx", "'quoted", "a,\"b\"\nc", ""}
	for i, agent := range agents {
		r.stats.clicks = append(r.stats.clicks, storage.ExportedClick{ID: click.NewID(int64(i+1) * 1000), Domain: "go.example", Code: "abc", Campaign: "c",
			Token: "none", Method: "GET", Class: "machine", Reason: "crawler", UserAgent: []byte(agent), URL: "https://a.example"})
	}
	got := r.want(200, r.ask("GET", "/api/v1/clicks?campaign=c&format=csv", ""))
	rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
	if err != nil || len(rows) != 1+len(agents) || strings.Join(rows[0], ",") != "id,time,domain,code,campaign,recipient,token,method,class,ip,user_agent,referrer,url" {
		t.Fatalf("%v %v", rows, err)
	}
	for i, agent := range agents {
		cell := rows[i+1][10]
		if cell != "" && strings.ContainsAny(string([]rune(cell)[:1]), "=+-@\t\r＝＋－＠") || strings.TrimPrefix(cell, "'") != strings.TrimPrefix(agent, "'") && strings.TrimPrefix(cell, "'") != agent {
			t.Errorf("%q became %q", agent, cell)
		}
	}
	lines := r.want(200, r.ask("GET", "/api/v1/clicks?campaign=c", ""))
	if n := strings.Count(lines.body, "\n"); n != len(agents) || lines.header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%d lines, %v", n, lines.header)
	}
	first := into[clickView](t, strings.SplitN(lines.body, "\n", 2)[0])
	if first.Time.String() != "1970-01-01T00:00:01.000Z" || first.ID != r.stats.clicks[0].ID.String() || first.Reason != "crawler" {
		t.Errorf("%+v", first)
	}
	next := lines.header.Get("Next-Cursor")
	if rest := r.want(200, r.ask("GET", "/api/v1/clicks?campaign=c&cursor="+next, "")); rest.body != "" {
		t.Errorf("a cursor repeats: %s", rest.body)
	}
	r.stats.complete += 60_000
	r.stats.clicks = append(r.stats.clicks, storage.ExportedClick{ID: click.NewID(r.stats.complete - 1000)})
	if rest := r.want(200, r.ask("GET", "/api/v1/clicks?campaign=c&cursor="+next, "")); strings.Count(rest.body, "\n") != 1 {
		t.Errorf("a cursor skips: %s", rest.body)
	}
	wantProblem(t, "foreign cursor", r.ask("GET", "/api/v1/clicks?cursor="+next, ""), 422, "invalid", "cursor", "cursor")
	if rest := r.want(200, r.ask("GET", "/api/v1/clicks?campaign=c&cursor="+r.stats.clicks[len(agents)-3].ID.String(), "")); strings.Count(rest.body, "\n") != 3 {
		t.Errorf("behind the third last: %s", rest.body)
	}
}

func TestPipelineIsForOperators(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Pipeline = fixedView{} })
	r.want(403, r.ask("GET", "/api/v1/ops/pipeline", ""))
	got := r.want(200, r.ask("GET", "/api/v1/ops/pipeline", "", "Authorization: Bearer "+r.keys.text[account.Operator]))
	if !strings.Contains(got.body, `"insert_rate":7`) || !strings.Contains(got.body, `"oldest":{"spool":null,"broker":null,"held":null}`) {
		t.Error(got.body)
	}
	// How old a keeper's clicks are is known in different ways: the document says how.
	keepers := r.api.huma.OpenAPI().Components.Schemas.Map()["Oldest"].Properties
	for _, name := range []string{"spool", "broker", "held"} {
		if k := keepers[name]; k == nil || !k.Nullable || k.Description == "" {
			t.Errorf("%s in the document: %+v", name, k)
		}
	}
}

type fixedView struct{}

func (fixedView) View(context.Context) (*pool.Pipeline, error) {
	return &pool.Pipeline{InsertRate: 7}, nil
}
