package storagetest

import (
	"strings"
	"testing"

	"longtail/shared/storage"
)

var eraseTests = []conformance{
	{"EraseKeepsFigures", eraseKeepsFigures},
	{"EraseReachesLateClicks", eraseReachesLateClicks},
}

func eraseKeepsFigures(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	foreign, err := w.db.EnsureCampaign(t.Context(), 2, "spring")
	if err != nil {
		t.Fatal(err)
	}
	first, second := newLink(campaign, domain, "one", "https://a.example/1"), newLink(campaign, domain, "two", "https://a.example/2")
	other := newLink(foreign, domain, "three", "https://a.example/3")
	made := w.create(first, second, other)
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{
		w.on(made[0], 5, "anna", storage.Human), w.on(made[1], 900, "anna", storage.Human), w.on(made[1], 70_000, "ben", storage.Human),
		w.on(made[2], 5, "anna", storage.Human),
	}})
	before, err := w.db.Totals(t.Context(), campaign.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx := storage.AsActor(t.Context(), "somebody")
	for n, want := range []int{1, 0} {
		if found, err := w.db.Erase(ctx, 1, "ANNA"); err != nil || found != want {
			t.Errorf("erase %d: %d campaigns, %v", n, found, err)
		}
	}
	if after, err := w.db.Totals(t.Context(), campaign.ID, 0); err != nil || after != before {
		t.Errorf("figures became %+v, %v; were %+v", after, err, before)
	}
	w.wantSums(4)
	for _, table := range []string{"clicks", "recipients"} {
		if n := w.number("SELECT COUNT(*) FROM "+table+" WHERE campaign_id = ? AND recipient = ?", campaign.ID, []byte("anna")); n != 0 {
			t.Errorf("%d rows of %s name the recipient", n, table)
		}
	}
	if n := w.number("SELECT COUNT(*) FROM clicks WHERE campaign_id = ? AND user_agent = ? AND ip = ? AND referrer = ?", campaign.ID, []byte{}, []byte{}, []byte{}); n != 2 {
		t.Errorf("%d clicks are emptied, want 2", n)
	}
	if n := w.number("SELECT COUNT(*) FROM clicks WHERE recipient IN (?, ?)", []byte("anna"), []byte("ben")); n != 2 {
		t.Errorf("%d clicks of others kept their names, want 2", n)
	}
	if n := w.number("SELECT COUNT(DISTINCT recipient) FROM clicks WHERE campaign_id = ?", campaign.ID); n != 2 {
		t.Errorf("%d recipients in the campaign's rows, want 2", n)
	}
	if audit, err := w.db.AuditLog(t.Context(), 1, 0, 10); err != nil || len(audit) != 2 || strings.Contains(strings.ToLower(audit[0].Object), "anna") {
		t.Errorf("audit %+v, %v", audit, err)
	}
}

func eraseReachesLateClicks(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	one := w.create(newLink(campaign, domain, "one", "https://a.example/1"))[0]
	if _, err := w.db.Erase(t.Context(), 1, "anna"); err != nil {
		t.Fatal(err)
	}
	now, err := w.db.NowMS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows := []storage.ClickRow{
		w.on(one, now-w.now-60_000, "anna", storage.Human), w.on(one, now-w.now+60_000, "anna", storage.Human), w.on(one, now-w.now-60_000, "ben", storage.Human),
	}
	if err := w.db.AnonymizeErased(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if c := rows[0]; c.Recipient != "" || c.Token != storage.TokenPrivate || c.Click.IP+c.Click.UserAgent+c.Click.Referrer != "" {
		t.Errorf("a click of before: %+v", c)
	}
	for _, c := range rows[1:] {
		if c.Recipient == "" || c.Token != storage.TokenValid || c.Click.IP == "" {
			t.Errorf("a click of after, or of another: %+v", c)
		}
	}
}
