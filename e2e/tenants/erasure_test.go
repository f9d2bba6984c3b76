package tenants

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver

	"longtail/e2e/stage"
	"longtail/shared/click"
	"longtail/shared/link"
)

// erased is the recipient who is taken out; whatever names her has these letters.
const erased = "anna-18273"

// A recipient is erased: from rows, recipients and a dead letter, and from a click that waits in the broker meanwhile. The
// figures stay.
func erasure(i *installation) {
	t := i.T
	a := i.tenant("a")
	l := a.link(map[string]any{"url": "https://shop.example/", "campaign": "spring"})
	var keys struct {
		Keys []struct {
			Hex string `json:"key_hex"`
		}
	}
	i.want(200, i.ask(a.Key, http.MethodGet, "/api/v1/campaigns/spring/signing-keys", nil, &keys))
	raw, err := hex.DecodeString(keys.Keys[0].Hex)
	if err != nil {
		t.Fatal(err)
	}
	key := link.CampaignKey(raw)
	open := func(recipient string, times int) {
		i.Helper()
		for n := range times {
			if status, _ := i.click(i.Redirectors[n%2].URL(), "go.example", "/"+l.Code+"/"+key.Token(recipient)); status != 302 {
				t.Fatalf("%d", status)
			}
		}
	}
	i.everywhere(2*time.Second, "go.example", "/"+l.Code, 302, "https://shop.example/")
	open("Anna-18273", 3)
	open("ben-2", 2)
	a.settled("spring")
	db := i.sql()
	a.letter(db, l.Code, key.Token(erased))
	if found := i.naming(db); len(found) != 4 { // recipients, clicks, and a letter with its detail
		t.Fatalf("the recipient stands in %v", found)
	}

	want := a.figures("spring")
	want.Clicks++ // the one that comes late is counted, and nobody's
	stage.Kill(t, i.Workers[0].Process)
	open(erased, 1) // it waits in the broker
	var job struct{ ID, State string }
	i.want(202, i.ask(a.Key, http.MethodDelete, "/api/v1/recipients/"+erased, nil, &job))
	begin := time.Now()
	stage.Start(t, i.Workers[0].Process)
	stage.Until(t, 2*time.Minute, func() string { return fmt.Sprintf("%+v", job) }, func() bool {
		i.want(200, i.ask(a.Key, http.MethodGet, "/api/v1/jobs/"+job.ID, nil, &job))
		return job.State == "done"
	})
	if found := i.naming(db); len(found) != 0 {
		t.Errorf("after the job the recipient stands in %v", found)
	}
	for _, path := range []string{"clicks?campaign=spring&format=csv", "clicks?campaign=spring&format=ndjson", "campaigns/spring/recipients", "audit", "ops/deadletters"} {
		if text := a.text("/api/v1/" + path); strings.Contains(strings.ToLower(text), erased) {
			t.Errorf("%s names the recipient: %s", path, text)
		}
	}
	if logs := i.Tail(100_000); strings.Contains(strings.ToLower(logs), erased) {
		t.Error("a log names the recipient")
	}
	after := a.figures("spring")
	if after != want || want.Uniques != 2 {
		t.Errorf("figures %+v, want %+v", after, want)
	}
	if n := strings.Count(a.text("/api/v1/campaigns/spring/recipients"), `"recipient":"erased-`); n != 1 {
		t.Errorf("%d pseudonyms among the recipients, want 1", n)
	}
	out, err := i.Workers[0].Run(stage.Within(t, time.Minute), "audit")
	if err != nil || !strings.Contains(out, ": differing 0\n") {
		t.Errorf("worker audit: %v %s", err, out)
	}
	t.Logf("erased after %v: 0 columns of the database, exports, logs name the recipient; figures %+v as they were and one more; worker audit differing 0", time.Since(begin).Round(time.Second), after)
}

// settled waits until nothing of a campaign waits.
func (p *tenant) settled(campaign string) {
	p.Helper()
	var b struct{ Answered, Stored, Waiting int64 }
	stage.Until(p.T, 30*time.Second, func() string { return fmt.Sprintf("%+v", b) }, func() bool {
		p.want(200, p.ask(p.Key, http.MethodGet, "/api/v1/campaigns/"+campaign+"/balance", nil, &b))
		return b.Answered > 0 && b.Waiting == 0
	})
}

type figures struct {
	Clicks  int64
	Uniques int64 `json:"unique_recipients"`
}

func (p *tenant) figures(campaign string) (f figures) {
	p.Helper()
	p.want(200, p.ask(p.Key, http.MethodGet, "/api/v1/campaigns/"+campaign+"/stats", nil, &f))
	return f
}

// text is an answer as it is, asked by the operator where the tenant may not.
func (p *tenant) text(path string) string {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.HAProxy.APIURL()+path, nil)
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.Key)
	if strings.Contains(path, "/ops/") {
		req.Header.Set("Authorization", "Bearer "+p.installation.Key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		p.Fatalf("%s: %s %v", path, res.Status, err)
	}
	return string(body)
}

func (i *installation) sql() *sql.DB {
	i.Helper()
	db, err := sql.Open("mysql", i.MySQL.DSN())
	if err != nil {
		i.Fatal(err)
	}
	i.Cleanup(func() { db.Close() })
	return db
}

// letter sets a HEAD aside, which is in no figure, as the worker would have.
func (p *tenant) letter(db *sql.DB, code, token string) {
	p.Helper()
	c := click.Click{ID: click.NewID(time.Now().UnixMilli()), Method: click.HEAD, Token: token, IP: "192.0.2.0", UserAgent: "browser"}
	err := db.QueryRowContext(p.Context(), "SELECT id, account_id, campaign_id, domain_id, ordinal FROM links WHERE code = ?", code).
		Scan(&c.Link, &c.Account, &c.Campaign, &c.Domain, &c.Ordinal)
	if err == nil {
		_, err = db.ExecContext(p.Context(), "INSERT INTO dead_letters (id, at_ms, reason, detail, account_id, campaign_id, counts, state, body) VALUES (?, ?, 'rejected', ?, ?, ?, 0, 0, ?)",
			c.ID[:], c.ID.MS(), "a test with "+token, c.Account, c.Campaign, click.AppendFrame(nil, &c))
	}
	if err != nil {
		p.Fatal(err)
	}
}

// naming returns every column of every table of the database in which the recipient's letters stand.
func (i *installation) naming(db *sql.DB) (found []string) {
	i.Helper()
	rows, err := db.QueryContext(i.Context(), "SELECT c.table_name, c.column_name FROM information_schema.columns AS c JOIN information_schema.tables AS t"+
		" ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'"+
		" WHERE c.table_schema = DATABASE() AND c.data_type IN ('varbinary','varchar','longtext','mediumblob','blob','json','text')")
	if err != nil {
		i.Fatal(err)
	}
	defer rows.Close()
	var columns [][2]string
	for rows.Next() {
		var c [2]string
		if err := rows.Scan(&c[0], &c[1]); err != nil {
			i.Fatal(err)
		}
		columns = append(columns, c)
	}
	if err := rows.Err(); err != nil || len(columns) < 30 {
		i.Fatalf("%d columns, %v", len(columns), err)
	}
	for _, c := range columns {
		var n int
		if err := db.QueryRowContext(i.Context(), "SELECT COUNT(*) FROM "+c[0]+" WHERE LOWER(CONVERT(CAST("+c[1]+" AS BINARY) USING latin1)) LIKE ?", "%"+erased+"%").Scan(&n); err != nil {
			i.Fatalf("%v: %v", c, err)
		}
		if n > 0 {
			found = append(found, c[0]+"."+c[1])
		}
	}
	return found
}
