package api_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/click"
	"longtail/shared/ingest"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// letters are tried again as the program does it.
type letters struct{ *storage.DB }

// Replay tries the held ones again.
func (l letters) Replay(ctx context.Context, ids [][16]byte) (stored, refused int, err error) {
	held, err := l.ReplayDeadLetters(ctx, ids)
	if err != nil {
		return 0, 0, err
	}
	return ingest.New(ingest.Options{Store: l.DB, Keys: link.Keyring([]byte("0123456789abcdef0123456789abcdef"), nil), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}).Replay(ctx, held)
}

// TestDeadLetters: what was set aside is listed in pages, tried again and dropped; a wrong choice changes nothing.
func TestDeadLetters(t *testing.T) {
	r := newRig(t)
	r.key = bootstrap
	var made struct{ Code string }
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/"}`, &made))
	l, err := r.db.FindLink(t.Context(), 1, made.Code)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	good := click.Click{ID: click.NewID(now), Link: l.ID, Ordinal: l.Ordinal, Account: l.Account, Campaign: l.Campaign, Domain: l.Domain, Method: click.GET}
	foreign := good
	foreign.ID, foreign.Link = click.NewID(now+1), l.ID+1000
	var batch storage.Batch
	for _, c := range []click.Click{good, foreign} {
		batch.Dead = append(batch.Dead, storage.DeadLetter{ID: c.ID, AtMS: now, Reason: "suspect", Detail: "was near a crash", Account: 1, Campaign: c.Campaign, Counts: true, Body: click.AppendFrame(nil, &c)})
	}
	if _, err := r.db.Ingest(t.Context(), batch); err != nil {
		t.Fatal(err)
	}

	var page struct {
		Data []struct{ ID, Reason, Detail string }
		Next string
	}
	list := func(query string) {
		t.Helper()
		page.Data, page.Next = nil, ""
		r.want(200, r.ask("GET", "/api/v1/ops/deadletters"+query, "", &page))
	}
	if list("?limit=1"); len(page.Data) != 1 || page.Next == "" || page.Data[0].ID != good.ID.String() {
		t.Fatalf("first page %+v; want the older letter and a cursor", page)
	}
	if list("?limit=1&cursor=" + page.Next); len(page.Data) != 1 || page.Next != "" {
		t.Fatalf("second page %+v; want the newer letter and an end", page)
	}
	for _, wrong := range []string{`{}`, `{"ids":["x"]}`, `{"ids":["` + good.ID.String() + `"],"reason":"suspect"}`, `{"ids":["` + strings.Repeat("0", 32) + `"]}`} {
		r.want(422, r.ask("POST", "/api/v1/ops/deadletters/drop", wrong, nil))
	}
	var replayed struct{ Stored, Refused int }
	r.want(200, r.ask("POST", "/api/v1/ops/deadletters/replay", `{"reason":"suspect"}`, &replayed))
	if replayed.Stored != 1 || replayed.Refused != 1 {
		t.Errorf("replayed %+v; want one stored and one refused", replayed)
	}
	var dropped struct{ Dropped int }
	r.want(200, r.ask("POST", "/api/v1/ops/deadletters/drop", `{"ids":["`+foreign.ID.String()+`"]}`, &dropped))
	if list(""); dropped.Dropped != 1 || len(page.Data) != 0 {
		t.Errorf("dropped %d, still held %+v; want one, and none", dropped.Dropped, page.Data)
	}
	var log struct {
		Data []struct{ Actor, Action, Object string }
	}
	r.want(200, r.ask("GET", "/api/v1/audit", "", &log))
	if len(log.Data) != 2 || log.Data[0].Action != "deadletters.drop" || !strings.Contains(log.Data[0].Object, foreign.ID.String()) ||
		log.Data[1].Action != "deadletters.replay" || log.Data[1].Object != "suspect" || log.Data[1].Actor != "bootstrap" {
		t.Errorf("audit: %+v", log.Data)
	}
}
