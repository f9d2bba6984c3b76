package storagetest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"longtail/shared/link"
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
	lost, others := w.on(made[0], 10, "anna", storage.Human), w.on(made[0], 11, "ben", storage.Human)
	lost.Click.Token, others.Click.Token = "Anna.0123456789abcdef0123456789abcdef", "ben.0123456789abcdef0123456789abcdef"
	again := w.on(made[0], 12, "anna", storage.Human)
	again.Click.Token = "anna" // mangled: it names her all the same
	letters := []storage.DeadLetter{letterFor(&lost, "rejected"), letterFor(&others, "rejected"), letterFor(&again, "suspect"),
		{ID: [16]byte{1}, Reason: "undecodable", Body: []byte("\x29anna.0123456789abcdef cut")}, {ID: [16]byte{2}, Reason: "undecodable", Body: []byte("noise")}}
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{
		w.on(made[0], 5, "anna", storage.Human), w.on(made[1], 900, "anna", storage.Human), w.on(made[1], 70_000, "ben", storage.Human),
		w.on(made[2], 5, "anna", storage.Human),
	}, Dead: letters})
	before, err := w.db.Totals(t.Context(), campaign.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	job, err := w.db.CreateErasure(storage.AsActor(t.Context(), "somebody"), 1, "ANNA")
	if err != nil || job.State != storage.JobWaiting || job.CreatedMS == 0 {
		t.Fatalf("%+v, %v", job, err)
	}
	for _, want := range []storage.JobState{storage.JobRunning, storage.JobDone, storage.JobDone} {
		err := w.db.RunErasures(t.Context(), 0)
		if job, err2 := w.db.Job(t.Context(), 1, job.ID); err != nil || err2 != nil || job.State != want || (job.DoneMS != 0) != (want == storage.JobDone) ||
			resultOf(t, job) != (storage.Erased{Campaigns: 1, DeadLetters: 3}) {
			t.Errorf("%+v, %v %v; want state %d", job, err, err2, want)
		}
	}
	if _, err := w.db.Job(t.Context(), 2, job.ID); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("another account's job: %v", err)
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
	if n := w.number("SELECT COUNT(*) FROM jobs WHERE args_json LIKE '%anna%'"); n != 0 {
		t.Error("the job still names the recipient")
	}
	kept, err := w.db.DeadLetters(t.Context(), storage.LetterFilter{})
	if err != nil || len(kept) != len(letters) {
		t.Fatalf("%d letters, %v", len(kept), err)
	}
	for _, l := range kept {
		if strings.Contains(strings.ToLower(string(l.Body)), "anna") || l.ID == letters[1].ID && !strings.Contains(string(l.Body), "ben") ||
			(l.State == storage.LetterDropped) != (l.ID == letters[3].ID) || l.ID == letters[4].ID && string(l.Body) != "noise" {
			t.Errorf("letter %+v", l)
		}
	}
	if audit, err := w.db.AuditLog(t.Context(), 1, 0, 10); err != nil || len(audit) != 1 || strings.Contains(strings.ToLower(audit[0].Object), "anna") {
		t.Errorf("audit %+v, %v", audit, err)
	}
}

func eraseReachesLateClicks(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	one := w.create(newLink(campaign, domain, "one", "https://a.example/1"))[0]
	if err := w.db.AnonymizeErased(t.Context(), storage.Batch{Clicks: []storage.ClickRow{w.on(one, 5, "anna", storage.Human)}}); err != nil {
		t.Fatal(err) // that nobody was erased is known now, for a moment
	}
	if _, err := w.db.CreateErasure(t.Context(), 1, "anna"); err != nil {
		t.Fatal(err)
	}
	now, err := w.db.NowMS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows := []storage.ClickRow{
		w.on(one, now-w.now-60_000, "anna", storage.Human), w.on(one, now-w.now+60_000, "anna", storage.Human), w.on(one, now-w.now-60_000, "ben", storage.Human),
	}
	dead := w.on(one, now-w.now-60_000, "anna", storage.Human)
	dead.Click.Token = "anna.0123456789abcdef0123456789abcdef"
	letters := []storage.DeadLetter{letterFor(&dead, "rejected")}
	if err := w.db.AnonymizeErased(t.Context(), storage.Batch{Clicks: rows, Dead: letters}); err != nil {
		t.Fatal(err)
	}
	if l := letters[0]; strings.Contains(string(l.Body), "anna") || l.Detail != "" || len(l.Body) == 0 {
		t.Errorf("a letter of before: %+v", l)
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

func resultOf(t *testing.T, job storage.Job) (found storage.Erased) {
	t.Helper()
	if err := json.Unmarshal(job.Result, &found); err != nil {
		t.Fatal(err)
	}
	return found
}
