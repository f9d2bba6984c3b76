package storagetest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"longtail/shared/link"
	"longtail/shared/storage"
)

var objectTests = []conformance{
	{"Campaigns", campaigns},
	{"Domains", domains},
	{"DomainClaims", domainClaims},
	{"Keys", keys},
	{"Accounts", accounts},
	{"Once", once},
	{"Sessions", sessions},
}

func campaigns(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	want := storage.Campaign{
		Account: 1, Name: "spring", Title: "Frühling", Domain: domain.ID, UTM: map[string]string{"utm_source": "ü"}, RedirectAll: "https://else.example/", SentMS: w.now,
	}
	version := campaign.Version
	put, err := w.db.PutCampaign(t.Context(), want, &version)
	if err != nil || put.ID != campaign.ID || put.Version != 2 {
		t.Fatalf("%+v, %v", put, err)
	}
	got, err := w.db.GetCampaign(t.Context(), 1, "spring")
	if err != nil || got.Title != want.Title || got.Domain != domain.ID || !maps.Equal(got.UTM, want.UTM) || got.RedirectAll != want.RedirectAll || got.SentMS != w.now {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.db.PutCampaign(t.Context(), storage.Campaign{Account: 1, Name: "spring"}, &version); !errors.Is(err, link.ErrStale) {
		t.Errorf("old version: %v", err)
	}
	if _, err := w.db.PutCampaign(t.Context(), storage.Campaign{Account: 1, Name: "missing"}, &version); !errors.Is(err, link.ErrStale) {
		t.Errorf("version of nothing: %v", err)
	}
	if all, err := w.db.RedirectAll(t.Context()); err != nil || len(all) != 1 || all[campaign.ID] != want.RedirectAll {
		t.Errorf("redirected: %v, %v", all, err)
	}
	if put, err = w.db.PutCampaign(t.Context(), storage.Campaign{Account: 1, Name: "spring"}, nil); err != nil || put.Version != 3 || put.UTM != nil {
		t.Errorf("%+v, %v", put, err)
	}
	if all, err := w.db.RedirectAll(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("redirected: %v, %v", all, err)
	}
	if got := w.changes(storage.ChangedCampaign); len(got) != 2 || got[0].Object != campaign.ID || got[1].Version != 3 {
		t.Errorf("changes: %+v", got)
	}
	if _, err := w.db.PutCampaign(t.Context(), storage.Campaign{Account: 1, Name: "new", Title: "New"}, nil); err != nil {
		t.Error(err)
	}
	list, err := w.db.ListCampaigns(t.Context(), 1, 0, 10)
	if err != nil || len(list) != 2 || list[0].Name != "new" || list[1].Name != "spring" {
		t.Errorf("list: %+v, %v", list, err)
	}
	if list, err = w.db.ListCampaigns(t.Context(), 1, list[0].ID, 10); err != nil || len(list) != 1 {
		t.Errorf("second page: %+v, %v", list, err)
	}
	if _, err := w.db.GetCampaign(t.Context(), 2, "spring"); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("another account: %v", err)
	}
}

func domains(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	if domain.Host != "click.example" || !domain.Installation || domain.Account != 1 {
		t.Errorf("default domain: %+v", domain)
	}
	at := w.seq()
	if err := w.db.EnsureDefaultDomain(t.Context(), "click.example"); err != nil || w.seq() != at {
		t.Errorf("again: %v, %d changes", err, w.seq()-at)
	}
	own, err := w.db.CreateDomain(t.Context(), storage.Domain{Account: 1, Host: "own.example", VerifyToken: "token", Default: true})
	if err != nil || own.VerifyToken != "token" || !own.Default || own.Verified() {
		t.Fatalf("%+v, %v", own, err)
	}
	if _, err := w.db.CreateDomain(t.Context(), storage.Domain{Account: 1, Host: "own.example"}); !errors.Is(err, link.ErrTaken) {
		t.Errorf("taken: %v", err)
	}
	yes, fallback, verified := true, "https://sorry.example/", int64(5)
	own, err = w.db.UpdateDomain(t.Context(), 1, "own.example", storage.DomainPatch{Default: &yes, FallbackURL: &fallback, ForeignCodes: &yes, VerifiedMS: &verified})
	if err != nil || !own.Default || own.FallbackURL != fallback || !own.ForeignCodes || own.VerifiedMS != 5 {
		t.Errorf("%+v, %v", own, err)
	}
	third, err := w.db.CreateDomain(t.Context(), storage.Domain{Account: 1, Host: "third.example", Default: true, FallbackURL: fallback, VerifiedMS: w.now})
	if err != nil || !third.Verified() || third.FallbackURL != fallback {
		t.Fatalf("%+v, %v", third, err)
	}
	if _, err := w.db.UpdateDomain(t.Context(), 2, "third.example", storage.DomainPatch{}); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("another account: %v", err)
	}
	all, err := w.db.Domains(t.Context())
	if err != nil || len(all) != 3 || !all[0].Installation || all[1].Default || !all[2].Default || all[1].FallbackURL != fallback {
		t.Errorf("%+v, %v", all, err)
	}
	if err := w.db.EnsureDefaultDomain(t.Context(), "own.example"); err != nil {
		t.Fatal(err)
	}
	if all, err = w.db.Domains(t.Context()); err != nil || all[0].Installation || !all[0].Verified() || !all[1].Installation {
		t.Errorf("moved: %+v, %v", all, err)
	}
	versions := map[uint64]uint32{}
	for _, c := range w.changes(storage.ChangedDomain) {
		if c.Version != versions[c.Object]+1 {
			t.Errorf("versions do not rise by one: %+v", c)
		}
		versions[c.Object] = c.Version
	}
	w.create(newLink(campaign, all[2], "sale", "https://a.example/"))
	if err := w.db.DeleteDomain(t.Context(), 1, "third.example"); !errors.Is(err, storage.ErrDomainInUse) {
		t.Errorf("used: %v", err)
	}
	if _, err := w.db.PutCampaign(t.Context(), storage.Campaign{Account: 1, Name: "spring", Domain: domain.ID}, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.db.DeleteDomain(t.Context(), 1, "click.example"); !errors.Is(err, storage.ErrDomainInUse) {
		t.Errorf("used by a campaign: %v", err)
	}
	if _, err := w.db.PutCampaign(t.Context(), storage.Campaign{Account: 1, Name: "spring"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.db.DeleteDomain(t.Context(), 1, "click.example"); err != nil {
		t.Error(err)
	}
}

// A host that an account only says is its own gives way to another account, one that it has proven does not.
func domainClaims(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	second, err := w.db.CreateAccount(t.Context(), "second")
	if err != nil {
		t.Fatal(err)
	}
	ctx := storage.AsActor(t.Context(), "somebody")
	squat, err := w.db.CreateDomain(ctx, storage.Domain{Account: 1, Host: "brand.example", VerifyToken: "of 1"})
	if err != nil {
		t.Fatal(err)
	}
	own, err := w.db.CreateDomain(ctx, storage.Domain{Account: second.ID, Host: "brand.example", VerifyToken: "of 2"})
	if err != nil || own.ID == squat.ID || own.Account != second.ID {
		t.Fatalf("%+v, %v", own, err)
	}
	now := w.now
	if _, err := w.db.UpdateDomain(ctx, 1, "brand.example", storage.DomainPatch{VerifiedMS: &now}); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("the first claim can still be proven: %v", err)
	}
	if _, err := w.db.UpdateDomain(ctx, second.ID, "brand.example", storage.DomainPatch{VerifiedMS: &now}); err != nil {
		t.Error(err)
	}
	if _, err := w.db.CreateDomain(ctx, storage.Domain{Account: 1, Host: "brand.example"}); !errors.Is(err, link.ErrTaken) {
		t.Errorf("a proven domain: %v", err)
	}
	if _, err := w.db.CreateDomain(ctx, storage.Domain{Account: 99, Host: "nobody.example"}); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("of no account: %v", err)
	}
	for account, want := range map[uint32][]string{1: {"domain.delete", "domain.create"}, second.ID: {"domain.verify", "domain.create"}} {
		audit, err := w.db.AuditLog(ctx, account, 0, 10)
		if err != nil || len(audit) != len(want) {
			t.Fatalf("audit of %d: %+v, %v", account, audit, err)
		}
		for i := range want {
			if audit[i].Action != want[i] || audit[i].Object != "brand.example" || audit[i].Actor != "somebody" {
				t.Errorf("audit of %d: %+v, want %v", account, audit, want)
			}
		}
	}
}

func keys(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	ctx := storage.AsActor(t.Context(), "bootstrap")
	key := storage.Key{
		ID: [8]byte([]byte("k3J9s0aB")), Hash: [32]byte{1, 2, 255}, Account: 1, Role: 2, Name: "Müller", CreatedMS: w.now, ExpiresMS: w.now + 1, RatePerS: 7,
	}
	if err := w.db.CreateKey(ctx, key); err != nil {
		t.Fatal(err)
	}
	if err := w.db.CreateKey(ctx, key); !errors.Is(err, link.ErrTaken) {
		t.Errorf("twice: %v", err)
	}
	if err := w.db.CreateKey(ctx, storage.Key{ID: [8]byte([]byte("nobody00")), Account: 99, Role: 2, Name: "of no account"}); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("no such account: %v", err)
	}
	got, err := w.db.FindKey(ctx, key.ID)
	if err != nil || got.Hash != key.Hash || got.Name != key.Name || got.ExpiresMS != key.ExpiresMS || got.RatePerS != 7 || got.RevokedMS != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.db.FindKey(ctx, [8]byte([]byte("K3J9s0aB"))); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("another id: %v", err)
	}
	if _, err := w.db.UpdateKey(ctx, 2, key.ID, storage.KeyPatch{Revoked: true}); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("another account: %v", err)
	}
	yes, no, name, rate, hosts := true, false, "Meier", 9, []string{"shop.example", "*.shop.example"}
	for range 2 {
		for _, patch := range []storage.KeyPatch{{Name: &name, RatePerS: &rate, Hosts: &hosts}, {Revoked: true}, {Stopped: &yes}} {
			if _, err := w.db.UpdateKey(ctx, 1, key.ID, patch); err != nil {
				t.Error(err)
			}
		}
	}
	if got, err := w.db.FindKey(ctx, key.ID); err != nil || got.Name != name || got.RatePerS != 9 || !slices.Equal(got.Hosts, hosts) || got.RevokedMS == 0 || got.ExpiresMS != key.ExpiresMS {
		t.Errorf("%+v, %v", got, err)
	}
	if stopped, err := w.db.StoppedKeys(ctx); err != nil || len(stopped) != 1 || stopped[0] != key.ID {
		t.Errorf("stopped: %v, %v", stopped, err)
	}
	if after, err := w.db.UpdateKey(ctx, 1, key.ID, storage.KeyPatch{Stopped: &no}); err != nil || after.StoppedMS != 0 || after.Name != name {
		t.Errorf("%+v, %v", after, err)
	}
	list, err := w.db.ListKeys(ctx, 1)
	if err != nil || len(list) != 1 || list[0].RevokedMS == 0 || list[0].StoppedMS != 0 {
		t.Errorf("list: %+v, %v", list, err)
	}
	if got := w.changes(storage.ChangedKey); len(got) != 4 || got[0].Version != 2 || got[3].Version != 5 {
		t.Errorf("changes: %+v", got)
	}
	audit, err := w.db.AuditLog(ctx, 1, 0, 10)
	if err != nil || len(audit) != 5 {
		t.Fatalf("audit: %+v, %v", audit, err)
	}
	for i, want := range []string{"key.resume", "key.stop", "key.revoke", "key.update", "key.create"} {
		if audit[i].Action != want || audit[i].Actor != "bootstrap" || audit[i].Object != "k3J9s0aB" || (audit[i].Before == "") != (want == "key.create") {
			t.Errorf("audit: %+v, want %s", audit[i], want)
		}
	}
	if !strings.Contains(audit[3].Before, "Müller") || !strings.Contains(audit[3].After, "Meier") || !strings.Contains(audit[3].After, "*.shop.example") {
		t.Errorf("before and after: %+v", audit[3])
	}
}

func accounts(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	made, err := w.db.CreateAccount(t.Context(), "Zweite")
	if err != nil || made.ID != 2 {
		t.Fatalf("%+v, %v", made, err)
	}
	if all, err := w.db.ListAccounts(t.Context(), 0, 10); err != nil || len(all) != 2 || all[1].ID != 1 || all[0].Name != "Zweite" || all[1].CreatedMS == 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if page, err := w.db.ListAccounts(t.Context(), 2, 10); err != nil || len(page) != 1 || page[0].ID != 1 {
		t.Errorf("second page: %+v, %v", page, err)
	}
	yes, no, name := true, false, "Second"
	for range 2 {
		if _, err := w.db.UpdateAccount(t.Context(), 2, storage.AccountPatch{Stopped: &yes}); err != nil {
			t.Error(err)
		}
	}
	if stopped, err := w.db.StoppedAccounts(t.Context()); err != nil || len(stopped) != 1 || stopped[0] != 2 {
		t.Errorf("stopped: %v, %v", stopped, err)
	}
	after, err := w.db.UpdateAccount(t.Context(), 2, storage.AccountPatch{Stopped: &no, Name: &name, LockHosts: &yes})
	if got, findErr := w.db.GetAccount(t.Context(), 2); err != nil || findErr != nil || got != after || got.StoppedMS != 0 || got.Name != name || !got.LockHosts {
		t.Errorf("%+v, %v; found %+v, %v", after, err, got, findErr)
	}
	if _, err := w.db.UpdateAccount(t.Context(), 3, storage.AccountPatch{Stopped: &yes}); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("no account: %v", err)
	}
	if _, err := w.db.GetAccount(t.Context(), 3); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("no account: %v", err)
	}
	if got := w.changes(storage.ChangedAccount); len(got) != 2 || got[0].Version != 2 || got[1].Version != 3 {
		t.Errorf("changes: %+v", got)
	}
}

func once(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	hash := [32]byte{1, 200}
	first, err := w.db.BeginOnce(t.Context(), 1, "key", hash)
	if err != nil || !first.Began {
		t.Fatalf("%+v, %v", first, err)
	}
	if second, err := w.db.BeginOnce(t.Context(), 1, "key", hash); err != nil || second.Began || second.Status != 0 || second.Hash != hash {
		t.Errorf("running: %+v, %v", second, err)
	}
	if other, err := w.db.BeginOnce(t.Context(), 2, "key", hash); err != nil || !other.Began {
		t.Errorf("another account: %+v, %v", other, err)
	}
	if err := w.db.AbandonOnce(t.Context(), 1, "key"); err != nil {
		t.Fatal(err)
	}
	if again, err := w.db.BeginOnce(t.Context(), 1, "key", hash); err != nil || !again.Began {
		t.Errorf("abandoned: %+v, %v", again, err)
	}
	if err := w.db.FinishOnce(t.Context(), 1, "key", 201, []byte(`{"ü":1}`)); err != nil {
		t.Fatal(err)
	}
	if done, err := w.db.BeginOnce(t.Context(), 1, "key", [32]byte{}); err != nil || done.Began || done.Status != 201 || string(done.Answer) != `{"ü":1}` || done.Hash != hash {
		t.Errorf("done: %+v, %v", done, err)
	}
	if _, err := w.raw.ExecContext(t.Context(), "UPDATE idempotency SET at_ms = at_ms - 86400001"); err != nil {
		t.Fatal(err)
	}
	if err := w.db.DropOnce(t.Context()); err != nil || w.number("SELECT COUNT(*) FROM idempotency") != 0 {
		t.Errorf("a day later: %v", err)
	}
}

func sessions(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	s := storage.Session{IDHash: [32]byte{9, 255}, CSRF: [32]byte{8}, CreatedMS: w.now, ExpiresMS: w.now + 48*3600_000}
	old := s
	old.IDHash, old.ExpiresMS = [32]byte{7}, 1
	for _, one := range []storage.Session{s, old} {
		if err := w.db.CreateSession(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := w.db.FindSession(t.Context(), s.IDHash); err != nil || got != s {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.db.FindSession(t.Context(), old.IDHash); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("expired: %v", err)
	}
	if err := w.db.DropSessions(t.Context()); err != nil || w.number("SELECT COUNT(*) FROM sessions") != 1 {
		t.Errorf("expired ones stay: %v", err)
	}
	if err := w.db.EndSession(t.Context(), s.IDHash); err != nil {
		t.Error(err)
	}
	if _, err := w.db.FindSession(t.Context(), s.IDHash); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("ended: %v", err)
	}
}
