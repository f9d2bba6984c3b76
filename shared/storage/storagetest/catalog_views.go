package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"longtail/shared/click"
	"longtail/shared/storage"
)

// table reads a whole question as text. What is a time to the driver is written as the views show it.
func (w *world) table(query string, args ...any) []string {
	w.t.Helper()
	rows, err := w.raw.QueryContext(w.t.Context(), query, args...)
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			w.t.Fatal(err)
		}
		words := make([]string, len(values))
		for i, v := range values {
			switch v := v.(type) {
			case []byte:
				words[i] = string(v)
			case time.Time:
				words[i] = v.UTC().Format("2006-01-02 15:04:05.000")
			default:
				words[i] = fmt.Sprint(v)
			}
		}
		all = append(all, strings.Join(words, "|"))
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return all
}

func views(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	one := w.create(newLink(campaign, domain, "one", "https://a.example/ü"))[0]
	human, machine := w.on(one, 7, "anna", storage.Human), w.on(one, 60_123, "", storage.Machine)
	machine.Click.Method, machine.Token, machine.Click.UserAgent = click.HEAD, storage.TokenInvalid, "\xff\x00agent"
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{human, machine, w.on(one, 7, "anna", storage.Machine)}})
	stamp := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000") }
	want := human.Click.ID.String() + "|" + stamp(w.now+7) + "|click.example|one|spring|anna|valid|GET|human|192.0.2.0|Mozilla/5.0|https://mail.example/|https://a.example/ü|1"
	columns := "id, time, domain, code, campaign, recipient, token, method, class, ip, user_agent, referrer, url, account"
	if got := w.table("SELECT "+columns+" FROM v_clicks WHERE id = ?", human.Click.ID.String()); len(got) != 1 || got[0] != want {
		t.Errorf("v_clicks: %q, want %q", got, want)
	}
	got := w.table("SELECT time, method, class, token, user_agent FROM v_clicks WHERE campaign = 'spring' AND method = 'HEAD'")
	if want := stamp(w.now+60_123) + "|HEAD|machine|invalid|\xff\x00agent"; len(got) != 1 || got[0] != want {
		t.Errorf("v_clicks: %q, want %q", got, want)
	}
	if got := w.table("SELECT COUNT(*) FROM v_clicks WHERE inserted_at > '2020-01-01' AND time < '2100-01-01'"); got[0] != "3" {
		t.Errorf("times compare: %q", got)
	}
	for _, view := range []string{"v_clicks", "v_click_minutes", "v_recipient_first"} {
		if got := w.table("SELECT COUNT(*) FROM " + view + " WHERE campaign IN ('Spring', 'spring ', 'SPRING')"); got[0] != "0" {
			t.Errorf("%s does not compare byte for byte: %q", view, got)
		}
	}
	got = w.table("SELECT account, campaign, domain, code, minute, clicks FROM v_click_minutes WHERE campaign = 'spring'")
	if want := []string{"1|spring|click.example|one|" + stamp(w.now) + "|2"}; !slices.Equal(got, want) {
		t.Errorf("v_click_minutes: %q, want %q", got, want)
	}
	got = w.table("SELECT account, campaign, recipient, first_at FROM v_recipient_first WHERE campaign = 'spring'")
	if want := []string{"1|spring|anna|" + stamp(w.now+7)}; !slices.Equal(got, want) {
		t.Errorf("v_recipient_first: %q, want %q", got, want)
	}
}

// A question for one campaign reads that campaign only.
func viewsUseIndexes(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	for i := range 200 {
		if _, err := w.db.EnsureCampaign(t.Context(), 1, fmt.Sprintf("other-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	one := w.create(newLink(campaign, domain, "one", "https://a.example/1"))[0]
	rows := w.some(2000) // of campaigns 1 and 2
	w.ingest(storage.Batch{Clicks: append(rows, w.on(one, 1, "anna", storage.Human))})
	explain := "EXPLAIN "
	if strings.HasPrefix(w.dsn, "sqlite:") {
		explain = "EXPLAIN QUERY PLAN "
	} else {
		w.table("ANALYZE TABLE campaigns, clicks, link_minutes, recipients")
	}
	for _, view := range []string{"v_clicks", "v_click_minutes", "v_recipient_first"} {
		plan := strings.Join(w.table(explain+"SELECT * FROM "+view+" WHERE campaign = 'spring'"), "\n")
		t.Logf("%s:\n%s", view, plan)
		for line := range strings.SplitSeq(plan, "\n") {
			scan := strings.Contains(line, "|ALL|") && !strings.Contains(line, "derived") || strings.Contains(line, "|index|") || strings.Contains(line, "SCAN") && !strings.Contains(line, "SCAN v_")
			if scan {
				t.Errorf("%s reads a whole table: %s", view, line)
			}
		}
	}
}
